"""Write documents and rejects as Parquet whose bytes depend on the rows alone, never on their batching.

Row groups are cut by cumulative text bytes, each written from one contiguous chunk with dictionaries
built anew, so equal rows give equal bytes. zstd, readable by polars, DuckDB and `datasets` as they are.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.storage import is_remote

ROW_GROUP_BYTES = 64_000_000
#: What a row costs besides its text, so that many tiny rows also end a row group.
ROW_OVERHEAD_BYTES = 200


def open_parquet(file: Path) -> pq.ParquetFile:
    """A Parquet file here or on a remote storage, of which only what is asked for is read."""
    return pq.ParquetFile(file.open("rb") if is_remote(file) else file)


class RowGroupWriter:
    """Collects record batches of one schema and writes a row group whenever its bytes are reached."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows = 0
        self._path = path
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> RowGroupWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        if self._writer is not None:
            self._writer.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Append rows; `batch` has the writer's schema."""
        self.rows += batch.num_rows
        while batch.num_rows:
            sizes = np.cumsum(_row_bytes(batch)) + self._pending_bytes
            cut = int(np.searchsorted(sizes, ROW_GROUP_BYTES)) + 1
            self._pending.append(batch.slice(0, cut))
            if cut > batch.num_rows:
                self._pending_bytes = int(sizes[-1])
                return
            self._flush()
            batch = batch.slice(cut)

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.Table.from_batches(self._pending, self.schema)
        table = pa.table([_contiguous(column) for column in table.columns], schema=self.schema)
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path,
                self.schema,
                compression="zstd",
                # Measurements and texts seldom repeat; trying a dictionary on them costs a fifth of the writing.
                use_dictionary=[field.name for field in self.schema if pa.types.is_dictionary(field.type)],
                write_statistics=[field.name for field in self.schema if field.name not in ("text", "values")],
            )
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._pending, self._pending_bytes = [], 0


def _row_bytes(batch: pa.RecordBatch) -> np.ndarray:
    if "text" not in batch.schema.names:
        return np.full(batch.num_rows, ROW_OVERHEAD_BYTES)
    lengths = pc.fill_null(pc.binary_length(batch.column("text")), 0)
    return lengths.to_numpy(zero_copy_only=False) + ROW_OVERHEAD_BYTES


def _contiguous(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        values = column.cast(column.type.value_type).combine_chunks()
        return values.dictionary_encode().cast(column.type)
    return column.combine_chunks()
