"""Go through what a run published, documents/ and rejects/, row group by row group and reading few columns.

Measurements that `corpusmill measure` added stand in sidecar files (pipeline/sidecars.py) and are read along as
if they were columns of the rows. Cost: the columns asked for; memory for those of one row group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from inspector.added_columns import AddedColumns
from inspector.errors import InspectorError
from inspector.rows import parquet_files
from pipeline.document_files import open_parquet
from pipeline.plan import Plan
from pipeline.publication import is_published
from pipeline.workspace import Workspace

DOCUMENTS, REJECTS = "documents", "rejects"


@dataclass(frozen=True)
class Rows:
    """Some columns of the rows of one row group."""

    file: Path
    group: int
    batch: pa.RecordBatch


class PublishedRun:
    """A run whose documents/ and rejects/ are complete. InspectorError where they are not."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.workspace = Workspace(run)
        self.plan: Plan = self.workspace.load_plan()
        self.documents, self.rejects = self._files(DOCUMENTS), self._files(REJECTS)
        self.added = AddedColumns(self.plan, self.workspace)

    def _files(self, folder: str) -> list[Path]:
        place = self.run / folder
        if not is_published(folder, self.workspace):
            raise InspectorError(f"{place}: not published; end the run first (corpusmill status {self.run})")
        return parquet_files(place) if place.is_dir() and any(place.iterdir()) else []

    @cached_property
    def document_types(self) -> dict[str, pa.DataType]:
        """The types of the columns of documents/, and of those that all of its parts have in sidecars."""
        return {**self.added.types(DOCUMENTS), **_types(self.documents)}

    @cached_property
    def reject_types(self) -> dict[str, pa.DataType]:
        return _types(self.rejects)

    @property
    def only_in_documents(self) -> set[str]:
        """Columns that only kept rows have: clusters, and what was measured after the run."""
        added = set(self.added.types(DOCUMENTS))
        return added | (self.document_types.keys() - self.reject_types.keys() if self.rejects else set())

    def row_groups(self, files: Sequence[Path], columns: Sequence[str]) -> Iterator[Rows]:
        """The columns that there are of those asked for, of every row."""
        for file in files:
            read = self._reader(file, columns)
            for group in range(open_parquet(file).num_row_groups):
                yield Rows(file, group, read(group))

    def row_group(self, file: Path, group: int, columns: Sequence[str]) -> pa.RecordBatch:
        """The columns that there are of those asked for, of the rows of one row group."""
        return self._reader(file, columns)(group)

    def rows_at(
        self, rows: Mapping[tuple[Path, int], Sequence[int]], columns: Sequence[str]
    ) -> Iterator[tuple[tuple[Path, int, int], dict[str, Any]]]:
        """(file, row group, row in it) and the row as a mapping, of a few rows named by file and row group."""
        for (file, group), wanted in rows.items():
            chosen = self._reader(file, columns)(group).take(pa.array(wanted))
            for row, found in zip(wanted, chosen.to_pylist(), strict=True):
                yield (file, group, row), found

    def _reader(self, file: Path, columns: Sequence[str]) -> Callable[[int], pa.RecordBatch]:
        """Reads the columns of a row group, from the part or from the sidecars that have them."""
        parquet = open_parquet(file)
        sources, left = [], list(columns)
        for source in (parquet, *map(open_parquet, self.added.files(file))):
            sources.append((source, [name for name in left if name in source.schema_arrow.names]))
            left = [name for name in left if name not in source.schema_arrow.names]

        def read(group: int) -> pa.RecordBatch:
            tables = [source.read_row_group(group, columns=names) for source, names in sources if names]
            fields = [field for table in tables for field in table.schema]
            return _one_batch(pa.table([c for table in tables for c in table.columns], schema=pa.schema(fields)))

        return read


def _types(files: Sequence[Path]) -> dict[str, pa.DataType]:
    """Files of one phase, which all have the same columns, are named alike but for a number."""
    one_each = {file.name.rpartition("-")[0]: file for file in files}
    return {field.name: field.type for file in one_each.values() for field in open_parquet(file).schema_arrow}


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
