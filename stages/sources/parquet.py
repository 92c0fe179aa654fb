"""The source `parquet`: one row a document, ranges of row groups.

Identity is the row's number in the file. Only the named columns are read. A file of zero bytes is one
quarantined row; one that has a schema but no rows is nothing, whatever its columns are (writers that see no
row guess their types). A file whose end was lost has lost its schema and its rows: it is one quarantined row.
Cost: that of Arrow's reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split, StageError
from stages.sources.fields import Fields, fields_parameter

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    from stages.sources.columns import DocumentColumns

_MOST_ROWS = 1 << 16
_MAGIC = b"PAR1"


class ParquetSource(Source):
    """Reads Parquet files; rows whose text is null are quarantined, empty texts are documents."""

    name: ClassVar[str] = "parquet"
    version: ClassVar[int] = 3
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)

    source: str = Field(default="parquet", description="what the column `source` says of every row")
    fields: Fields = fields_parameter()
    max_record_bytes: int = Field(default=16_000_000, gt=0, description="longer texts are quarantined")

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA: identity, labels and `text`."""
        from stages.documents import TEXT_SCHEMA

        return TEXT_SCHEMA

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """Runs of row groups of about `target_bytes` uncompressed bytes of the columns that are read.

        A file without rows gives none.
        """
        if _fault(file.path):
            return [Split(file.name, 0, 0, 0)]
        with _opened(file.path) as parquet:
            if parquet.metadata.num_rows == 0:
                return []
            columns = set(self._columns(parquet, file.path).names())
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
        from stages.sources.columns import damaged_rows, is_damage

        if fault := _fault(path):
            yield self._unreadable(split.file, path, fault)
            return
        with _opened(path) as parquet:
            columns = self._columns(parquet, path)
            row = sum(parquet.metadata.row_group(group).num_rows for group in range(split.start))
            for group in range(split.start, split.end):
                next_group = row + parquet.metadata.row_group(group).num_rows
                rows = self._batch_rows(parquet, group, batch_bytes)
                try:
                    for batch in parquet.iter_batches(rows, row_groups=[group], columns=columns.names()):
                        yield columns.batch(batch, split.file, row)
                        row += batch.num_rows
                except Exception as error:
                    if not is_damage(error):
                        raise
                    yield damaged_rows(split.file, self.source, row, error, {"rows": next_group - row})
                row = next_group

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of rows of the row groups, from the file's footer; 1 for a file that cannot be read at all."""
        if _fault(path):
            return 1
        with _opened(path) as parquet:
            groups = range(split.start, split.end)
            return min(limit, sum(parquet.metadata.row_group(group).num_rows for group in groups))

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read row `offset` of the file, through the row group that holds it."""
        from stages.sources.columns import no_documents

        if fault := _fault(file.path):
            whole = offset == ordinal == 0
            return self._unreadable(file.name, file.path, fault) if whole else no_documents(self.source)
        with _opened(file.path) as parquet:
            columns = self._columns(parquet, file.path)
            first = 0
            for group in range(parquet.num_row_groups):
                count = parquet.metadata.row_group(group).num_rows
                if first <= offset < first + count and ordinal == 0:
                    table = parquet.read_row_group(group, columns=columns.names()).slice(offset - first, 1)
                    return columns.batch(table.combine_chunks().to_batches()[0], file.name, offset)
                first += count
        return no_documents(self.source)

    def _columns(self, parquet: ParquetFile, path: Path) -> DocumentColumns:
        from stages.sources.columns import DocumentColumns

        return DocumentColumns(self.fields, self.source, self.max_record_bytes, parquet.schema_arrow, path)

    def _batch_rows(self, parquet: ParquetFile, group: int, batch_bytes: int) -> int:
        meta = parquet.metadata.row_group(group)
        return max(1, min(_MOST_ROWS, batch_bytes * meta.num_rows // max(1, meta.total_byte_size)))

    def _unreadable(self, file: str, path: Path, fault: str) -> SourceBatch:
        from stages.sources.columns import unreadable_file

        return unreadable_file(file, self.source, fault, path.stat().st_size)


def _fault(path: Path) -> str | None:
    """Why nothing of the file can be read, if so: it is empty, or was cut off before its end was written."""
    from stages.sources.rows import EMPTY_FILE

    size = path.stat().st_size
    if size == 0:
        return EMPTY_FILE
    with path.open("rb") as stream:
        if stream.read(4) != _MAGIC:
            return None
        stream.seek(max(0, size - 4))
        cut = size < 12 or stream.read(4) != _MAGIC
    return "damaged: the file is cut off, its footer with the places of all rows is missing" if cut else None


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
