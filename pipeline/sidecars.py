"""Sidecar files: measurements that were added to a finished run, aligned with its parts by row group and row.

    RUN/measurements/LABEL/measurement.json             what was measured: stages with parameters, columns
    RUN/measurements/LABEL/documents/part-00000.parquet the columns alone, a row for each row of that part
    RUN/measurements/LABEL/rejects/...                  the same for rejects, where that was asked for

A sidecar names in its metadata the sha256 of the part it belongs to and the digest of what was measured. When a run
is published anew, sidecars of parts whose bytes changed are stale: they are never read, and measuring again replaces
them; those of parts that came out the same stay good. Nothing of the run itself is ever rewritten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.document_files import open_parquet
from pipeline.files import write_json
from pipeline.storage import list_folder

MEASUREMENTS = "measurements"
DESCRIPTION = "measurement.json"
PART, DIGEST = b"corpusmill.part_sha256", b"corpusmill.measurement"


@dataclass(frozen=True)
class Measurement:
    """What a folder of sidecars holds: `stages` as a recipe writes them, columns and the definitions of some."""

    label: str
    digest: str
    stages: list[Any]
    columns: dict[str, str]

    def save(self, run: Path) -> None:
        content = {"digest": self.digest, "stages": self.stages, "columns": self.columns}
        write_json(folder_of(run, self.label) / DESCRIPTION, content)


def folder_of(run: Path, label: str) -> Path:
    return run / MEASUREMENTS / label


def measurements(run: Path) -> list[Measurement]:
    """What was measured after the run, by label; a damaged description is taken for none."""
    folder = run / MEASUREMENTS
    found = []
    for place in sorted(folder.iterdir(), key=lambda path: path.name) if folder.is_dir() else ():
        try:
            content = json.loads((place / DESCRIPTION).read_text("utf-8"))
            found.append(Measurement(place.name, content["digest"], content["stages"], content["columns"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def metadata(digest: str, part_sha256: str) -> dict[bytes, bytes]:
    """The Parquet metadata of a sidecar."""
    return {PART: part_sha256.encode(), DIGEST: digest.encode()}


def fresh_sidecars(run: Path, measurement: Measurement, folder: str, parts: dict[str, str]) -> dict[str, Path]:
    """The sidecars that belong to these parts (name -> sha256) of a folder as they are, by the part's name."""
    place = folder_of(run, measurement.label) / folder
    return {
        name: place / name
        for name in list_folder(place)
        if name in parts and _belongs(place / name, metadata(measurement.digest, parts[name]))
    }


def _belongs(sidecar: Path, wanted: dict[bytes, bytes]) -> bool:
    try:
        found = open_parquet(sidecar).schema_arrow.metadata or {}
    except (pa.ArrowInvalid, OSError):
        return False
    return all(found.get(key) == value for key, value in wanted.items())
