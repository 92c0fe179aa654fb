"""The source `parquet`: one row a document, ranges of row groups.

Identity is the row's number in the file. Only the named columns are read. A file of zero bytes is one
quarantined row; one that has a schema but no rows is nothing, whatever its columns are (writers that see no
row guess their types). Cost: that of Arrow's reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split, StageError

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

_MOST_ROWS = 1 << 16


class ParquetSource(Source):
    """Reads Parquet files; rows whose text is null are quarantined, empty texts are documents."""

    name: ClassVar[str] = "parquet"
    version: ClassVar[int] = 2
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)

    source: str = Field(default="parquet", description="what the column `source` says of every row")
    text_column: str = Field(default="text", description="the column that holds the text (string)")
    id_column: str = Field(default="id", description="the column that names the document, if there is one")
    url_column: str = Field(default="url", description="the column that holds its address; null where there is none")
    date_column: str = Field(
        default="date", description="a timestamp, date or ISO 8601 string; null where there is none"
    )

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA: identity, labels and `text`."""
        from stages.documents import TEXT_SCHEMA

        return TEXT_SCHEMA

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """Runs of row groups of about `target_bytes` uncompressed bytes of the columns that are read.

        A file without rows gives none.
        """
        if file.size == 0:
            return [Split(file.name, 0, 0, 0)]
        with _opened(file.path) as parquet:
            if parquet.metadata.num_rows == 0:
                return []
            columns = set(self._columns(parquet, file.path))
            sizes = [_column_bytes(parquet, group, columns) for group in range(parquet.num_row_groups)]
        splits: list[Split] = []
        start, held = 0, 0
        for group, size in enumerate(sizes):
            if held and held + size > target_bytes:
                splits.append(Split(file.name, start, group, held))
                start, held = group, 0
            held += size
        if start < len(sizes):
            splits.append(Split(file.name, start, len(sizes), held))
        return splits

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the rows of row groups [start, end)."""
        if _is_empty(path):
            yield self._empty(split.file)
            return
        with _opened(path) as parquet:
            columns = self._columns(parquet, path)
            row = sum(parquet.metadata.row_group(group).num_rows for group in range(split.start))
            for group in range(split.start, split.end):
                next_group = row + parquet.metadata.row_group(group).num_rows
                rows = self._batch_rows(parquet, group, batch_bytes)
                try:
                    for batch in parquet.iter_batches(rows, row_groups=[group], columns=columns):
                        yield self._source_batch(batch, split.file, row)
                        row += batch.num_rows
                except (OSError, ValueError) as error:
                    yield self._damaged(split.file, row, next_group, error)
                row = next_group

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of rows of the row groups, from the file's footer; 1 for an empty file."""
        if _is_empty(path):
            return 1
        with _opened(path) as parquet:
            groups = range(split.start, split.end)
            return min(limit, sum(parquet.metadata.row_group(group).num_rows for group in groups))

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read row `offset` of the file, through the row group that holds it."""
        if _is_empty(file.path) and offset == ordinal == 0:
            return self._empty(file.name)
        with _opened(file.path) as parquet:
            columns = self._columns(parquet, file.path)
            first = 0
            for group in range(parquet.num_row_groups):
                count = parquet.metadata.row_group(group).num_rows
                if first <= offset < first + count and ordinal == 0:
                    table = parquet.read_row_group(group, columns=columns).slice(offset - first, 1)
                    return self._source_batch(table.combine_chunks().to_batches()[0], file.name, offset)
                first += count
            return self._source_batch(_no_rows(parquet, columns), file.name, 0)

    def _columns(self, parquet: ParquetFile, path: Path) -> list[str]:
        """The columns to read. StageError where the text column is absent or no text."""
        import pyarrow.types as types

        schema = parquet.schema_arrow
        if self.text_column not in schema.names:
            raise StageError(
                f"{path}: has no column '{self.text_column}'; set text_column to one of {', '.join(schema.names)}"
            )
        kind = schema.field(self.text_column).type
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if not (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)):
            raise StageError(f"{path}: the column '{self.text_column}' holds {kind}, not strings")
        wanted = (self.text_column, self.id_column, self.url_column, self.date_column)
        return [name for name in dict.fromkeys(wanted) if name in schema.names]

    def _batch_rows(self, parquet: ParquetFile, group: int, batch_bytes: int) -> int:
        meta = parquet.metadata.row_group(group)
        return max(1, min(_MOST_ROWS, batch_bytes * meta.num_rows // max(1, meta.total_byte_size)))

    def _source_batch(self, batch: pyarrow.RecordBatch, file: str, first: int) -> SourceBatch:
        """Rows `first` and on of the file; those without usable text become rejects."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from stages.documents import SOURCE_REJECT_SCHEMA
        from stages.sources.rows import repeated, with_hashed_ids

        count = batch.num_rows
        text = batch.column(self.text_column).cast(pa.large_string())
        offset, ordinal = np.arange(first, first + count, dtype=np.int64), np.zeros(count, np.int32)
        identity = [repeated(file, count), pa.array(offset), pa.array(ordinal)]
        common = [
            *identity,
            with_hashed_ids(_label(batch, self.id_column), *identity),
            _label(batch, self.url_column),
            self._date(batch),
            repeated(self.source, count),
        ]
        errors = _text_errors(text, self.text_column)
        usable = pc.is_null(errors)
        documents = pa.RecordBatch.from_arrays([*common, text], schema=self.output_schema()).filter(usable)
        outcome = pa.array(["quarantined"] * count, pa.string())
        nothing = pa.nulls(count, pa.string())
        verdict = [outcome, nothing, nothing, nothing, errors]
        rejects = pa.RecordBatch.from_arrays([*common, *verdict], schema=SOURCE_REJECT_SCHEMA)
        return SourceBatch(documents, rejects.filter(pc.invert(usable)))

    def _empty(self, file: str) -> SourceBatch:
        from stages.sources.rows import EMPTY_FILE, Place, RowCollector

        rows = RowCollector(file, self.source, self.output_schema(), 1)
        rows.quarantine(Place(0, 0), EMPTY_FILE, {"bytes": 0})
        return rows.take()

    def _damaged(self, file: str, row: int, end: int, error: Exception) -> SourceBatch:
        from stages.sources.rows import Place, RowCollector

        rows = RowCollector(file, self.source, self.output_schema(), 1)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        rows.quarantine(Place(row, 0), f"damaged: {reason}", {"rows": end - row})
        return rows.take()

    def _date(self, batch: pyarrow.RecordBatch) -> pyarrow.Array:
        import pyarrow as pa

        from stages.sources.rows import milliseconds

        kind = pa.timestamp("ms", tz="UTC")
        if self.date_column not in batch.schema.names:
            return pa.nulls(batch.num_rows, kind)
        dates = batch.column(self.date_column)
        if pa.types.is_temporal(dates.type):
            return dates.cast(kind, safe=False)
        values = (value if isinstance(value, str) else None for value in dates.to_pylist())
        return pa.array([milliseconds(value) for value in values], pa.int64()).cast(kind)


def _is_empty(path: Path) -> bool:
    return path.stat().st_size == 0


@contextmanager
def _opened(path: Path) -> Iterator[ParquetFile]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path if isinstance(path, Path) else path.open("rb"))
    except (pa.ArrowInvalid, OSError) as error:
        raise StageError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    with file:
        yield file


def _column_bytes(parquet: ParquetFile, group: int, columns: set[str]) -> int:
    meta = parquet.metadata.row_group(group)
    chunks = (meta.column(index) for index in range(meta.num_columns))
    return sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in columns)


def _label(batch: pyarrow.RecordBatch, name: str) -> pyarrow.Array:
    """A column of strings, bytes or numbers as strings; null where a value is none in UTF-8."""
    import pyarrow as pa
    import pyarrow.types as types

    column = batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows)
    if types.is_boolean(column.type) or types.is_temporal(column.type) or types.is_nested(column.type):
        return pa.nulls(batch.num_rows, pa.string())
    try:
        labels = column.cast(pa.string())
        labels.validate(full=True)
    except pa.ArrowException:
        return pa.array([_as_string(value) for value in column], pa.string())
    return labels


def _as_string(value: pyarrow.Scalar) -> str | None:
    import pyarrow as pa

    try:
        return value.cast(pa.string()).as_py()
    except (pa.ArrowException, UnicodeDecodeError):
        return None


def _no_rows(parquet: ParquetFile, columns: list[str]) -> pyarrow.RecordBatch:
    import pyarrow as pa

    schema = pa.schema([parquet.schema_arrow.field(name) for name in columns])
    return pa.RecordBatch.from_pylist([], schema=schema)


def _text_errors(text: pyarrow.Array, column: str) -> pyarrow.Array:
    """Why each text (large_string) is unusable, null for good ones."""
    import pyarrow as pa
    import pyarrow.compute as pc

    errors = pc.if_else(text.is_null(), pa.scalar(f"the column '{column}' is null"), pa.scalar(None, pa.string()))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        found = errors.to_pylist()
        for row, value in enumerate(text.cast(pa.large_binary())):
            try:
                if value.is_valid:
                    value.as_py().decode()
            except UnicodeDecodeError as error:
                found[row] = f"the column '{column}' is not UTF-8: {error.reason} at byte {error.start}"
        errors = pa.array(found, pa.string())
    return errors
