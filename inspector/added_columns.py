"""Measurements that `corpusmill measure` added to a run, as far as they belong to its parts as they are now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.document_files import open_parquet
from pipeline.plan import Plan
from pipeline.publication import files_of
from pipeline.sidecars import fresh_sidecars, measurements
from pipeline.workspace import Workspace


class AddedColumns:
    """The sidecars of a run that are not stale. Cost: a small file opened for each part and measurement."""

    def __init__(self, plan: Plan, workspace: Workspace) -> None:
        self.measurements = measurements(workspace.run)
        self._fresh: dict[tuple[str, str], dict[str, Path]] = {}
        self._parts: dict[str, int] = {}
        for folder in ("documents", "rejects") if self.measurements else ():
            parts = {name: sha256 for name, (_, sha256) in files_of(plan, folder, workspace).items()}
            self._parts[folder] = len(parts)
            for measurement in self.measurements:
                found = fresh_sidecars(workspace.run, measurement, folder, parts)
                self._fresh[measurement.label, folder] = found

    def files(self, part: Path) -> list[Path]:
        """The sidecars of a part of documents/ or rejects/."""
        return [
            found[part.name]
            for (_, folder), found in self._fresh.items()
            if folder == part.parent.name and part.name in found
        ]

    def types(self, folder: str) -> dict[str, pa.DataType]:
        """The columns that every part of a folder has in a sidecar."""
        found: dict[str, pa.DataType] = {}
        for measurement in self.measurements:
            sidecars = self._fresh[measurement.label, folder]
            if sidecars and len(sidecars) == self._parts[folder]:
                schema = open_parquet(next(iter(sidecars.values()))).schema_arrow
                found.update({field.name: field.type for field in schema})
        return found

    def stale(self, folder: str) -> set[str]:
        """Columns that were measured, but not for all parts of a folder as they are."""
        return {name for measurement in self.measurements for name in measurement.columns} - self.types(folder).keys()

    def described(self) -> list[dict[str, Any]]:
        """Each measurement: label, columns, and of each folder how many parts there are and how many have it."""
        return [
            {
                "label": measurement.label,
                "columns": measurement.columns,
                "folders": {
                    folder: {"parts": parts, "measured": len(self._fresh[measurement.label, folder])}
                    for folder, parts in self._parts.items()
                },
            }
            for measurement in self.measurements
        ]
