"""Go through what a run published, documents/ and rejects/, row group by row group and reading few columns.

Measurements that `corpusmill measure` added stand in sidecar files (pipeline/sidecars.py) and are read along as
if they were columns of the rows. Cost: the columns asked for; memory for those of one row group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from inspector.errors import InspectorError
from inspector.rows import open_parquet, parquet_files
from pipeline.plan import Plan
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

    def _files(self, folder: str) -> list[Path]:
        place = self.run / folder
        if not place.is_dir():
            raise InspectorError(f"{place}: not published; end the run first (corpusmill status {self.run})")
        return parquet_files(place) if any(place.iterdir()) else []

    @cached_property
    def document_types(self) -> dict[str, pa.DataType]:
        """The types of the columns of documents/."""
        return _types(self.documents)

    @cached_property
    def reject_types(self) -> dict[str, pa.DataType]:
        return _types(self.rejects)

    @property
    def only_in_documents(self) -> set[str]:
        """Columns that rows get when nothing drops them any more, such as clusters."""
        return self.document_types.keys() - self.reject_types.keys() if self.rejects else set()


def _types(files: Sequence[Path]) -> dict[str, pa.DataType]:
    """Files of one phase, which all have the same columns, are named alike but for a number."""
    one_each = {file.name.rpartition("-")[0]: file for file in files}
    return {field.name: field.type for file in one_each.values() for field in open_parquet(file).schema_arrow}


def row_groups(files: Sequence[Path], columns: Sequence[str]) -> Iterator[Rows]:
    """The columns that there are of those asked for, of every row."""
    for file in files:
        parquet = open_parquet(file)
        names = [name for name in columns if name in parquet.schema_arrow.names]
        for group in range(parquet.num_row_groups):
            yield Rows(file, group, _one_batch(parquet.read_row_group(group, columns=names)))


def rows_at(rows: Mapping[tuple[Path, int], Sequence[int]], columns: Sequence[str]) -> Iterator[tuple[Any, dict]]:
    """(file, row group, row in it) and the row as a mapping, of a few rows named by file and row group."""
    for (file, group), wanted in rows.items():
        parquet = open_parquet(file)
        names = [name for name in columns if name in parquet.schema_arrow.names]
        chosen = _one_batch(parquet.read_row_group(group, columns=names)).take(pa.array(wanted))
        for row, found in zip(wanted, chosen.to_pylist(), strict=True):
            yield (file, group, row), found


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def frame_of(batch: pa.RecordBatch) -> pl.DataFrame:
    """The batch as a polars frame."""
    frame = pl.from_arrow(pa.Table.from_batches([batch]))
    assert isinstance(frame, pl.DataFrame)
    return frame
