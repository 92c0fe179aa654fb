"""Verdicts: rows that alone killed their worker twice, quarantined before any stage sees them again.

A verdict is recorded beside the task's manifest and is one of the task's inputs, so the output is as if the
row had been replaced by its quarantine record, on every later run too.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.files import write_json


@dataclass(frozen=True, order=True)
class Verdict:
    """A row by identity, and what it did."""

    file: str
    offset: int
    ordinal: int
    error: str


def read_verdicts(path: Path) -> list[Verdict]:
    """The verdicts on a task's rows; none when there is no file."""
    try:
        return [Verdict(**entry) for entry in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        return []


def add_verdict(path: Path, verdict: Verdict) -> None:
    write_json(path, [asdict(entry) for entry in sorted({*read_verdicts(path), verdict})])
