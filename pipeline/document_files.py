"""Write documents and rejects as files whose bytes depend on the rows alone, never on their batching; read them.

What is published is Parquet with zstd, readable by polars, DuckDB and `datasets` as it is. Documents on their way
from one phase to the next are an Arrow IPC stream without compression: each phase between reads them again, and
unpacking them every time costs more than all else that it does with them (reading Parquet is 1 s a GB, writing it 3).
Row groups (in a stream: record batches) are cut by cumulative text bytes, each written from one contiguous chunk with
dictionaries built anew, so equal rows give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
#: Names of files end with these.
PUBLISHED, BETWEEN_PHASES = ".parquet", ".arrow"


def open_parquet(file: Path) -> pq.ParquetFile:
    """A Parquet file here or on a remote storage, of which only what is asked for is read."""
    return pq.ParquetFile(file.open("rb") if is_remote(file) else file)


def document_schema(file: Path) -> pa.Schema:
    """The columns of a local file that RowGroupWriter wrote."""
    if file.suffix == PUBLISHED:
        return pq.read_schema(file)
    with pa.OSFile(str(file)) as stream, pa.ipc.open_stream(stream) as reader:
        return reader.schema


def document_batches(file: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """A batch for each row group of a local file, with all columns or those of `columns` that it has."""
    names = [name for name in document_schema(file).names if columns is None or name in columns]
    if file.suffix == PUBLISHED:
        parquet = pq.ParquetFile(file)
        for group in range(parquet.num_row_groups):
            yield from parquet.read_row_group(group, columns=names).combine_chunks().to_batches()
        return
    # Read rather than mapped: pages of a mapped file count as this process's memory until another needs theirs.
    with pa.OSFile(str(file)) as stream, pa.ipc.open_stream(stream) as reader:
        for batch in reader:
            yield batch.select(names)


class RowGroupWriter:
    """Collects record batches of one schema and writes a row group whenever its bytes are reached."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows = 0
        self._path = path
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0
        self._writer: pq.ParquetWriter | pa.ipc.RecordBatchStreamWriter | None = None

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
        published = self._path.suffix == PUBLISHED
        columns = [_contiguous(column) for column in table.columns]
        if not published:
            columns = [_with_blank_nulls(column) for column in columns]
        table = pa.table(columns, schema=self.schema)
        if self._writer is None:
            self._writer = self._parquet() if published else pa.ipc.new_stream(str(self._path), self.schema)
        self._writer.write_table(table, table.num_rows)
        self._pending, self._pending_bytes = [], 0

    def _parquet(self) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self._path,
            self.schema,
            compression="zstd",
            # Measurements and texts seldom repeat; trying a dictionary on them costs a fifth of the writing.
            use_dictionary=[field.name for field in self.schema if pa.types.is_dictionary(field.type)],
            write_statistics=[field.name for field in self.schema if field.name not in ("text", "values")],
        )


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


def _with_blank_nulls(column: pa.Array) -> pa.Array:
    """The same values, with nothing left in the buffers where they are null."""
    return column.take(pa.array(np.arange(len(column)))) if column.null_count else column
