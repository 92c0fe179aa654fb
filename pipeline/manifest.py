"""The manifest of a task: the last thing it writes and the only sign that it is done.

Everything a report says is a sum over manifests, so it is right after any number of resumes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.files import write_json


@dataclass(frozen=True)
class OutputFile:
    """A file that a task wrote: which output, its name there, checksum, size in bytes and rows."""

    output: str
    name: str
    sha256: str
    bytes: int
    rows: int


@dataclass
class Rows:
    """The row account of a task: read = kept + quarantined + sum of dropped by rule."""

    read: int = 0
    kept: int = 0
    quarantined: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def balanced(self) -> bool:
        return self.read == self.kept + self.quarantined + sum(self.dropped.values())


@dataclass(frozen=True)
class StageAccount:
    """What one stage of a row-wise task saw: rows in and out, bytes of page or text in, seconds, null rules, sums.

    For a source the bytes are those of the rows that it gave. Sums are of the columns that it declares `summed`.
    """

    label: str
    rows_in: int
    rows_out: int
    bytes_in: int
    seconds: float
    undecided: dict[str, int] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RowPlace:
    """A row by identity, and the bytes of its page or text."""

    file: str
    offset: int
    ordinal: int
    bytes: int


@dataclass(frozen=True)
class SlowestBatch:
    """The batch that took a row-wise task longest: its first row, and its largest, which is the likely cause."""

    seconds: float
    rows: int
    first: RowPlace
    largest: RowPlace

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SlowestBatch:
        return cls(**{**data, "first": RowPlace(**data["first"]), "largest": RowPlace(**data["largest"])})


@dataclass(frozen=True)
class Manifest:
    """What a finished task read, did and wrote. `inputs_digest` decides whether it still counts."""

    phase: str
    index: int
    fingerprint: str
    inputs_digest: str
    inputs: list[dict[str, Any]]
    outputs: list[OutputFile]
    rows: Rows | None
    stages: list[StageAccount]
    counters: dict[str, int]
    bytes_read: int
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    attempt: int
    #: When the task began, in seconds since 1970; a report's wall time is the union over tasks.
    started: float = 0.0
    slowest: SlowestBatch | None = None
    #: Those of `seconds` in which kernels were compiled; the stages' seconds are without them.
    compile_seconds: float = 0.0

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Manifest:
        return cls(
            **{
                **data,
                "outputs": [OutputFile(**output) for output in data["outputs"]],
                "rows": data["rows"] and Rows(**data["rows"]),
                "stages": [StageAccount(**stage) for stage in data["stages"]],
                "slowest": data["slowest"] and SlowestBatch.from_json(data["slowest"]),
            }
        )

    @classmethod
    def load(cls, path: Path) -> Manifest | None:
        """The manifest at `path`, or None when there is none or it is not whole."""
        try:
            return cls.from_json(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None
