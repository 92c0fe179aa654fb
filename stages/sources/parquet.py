"""The source `parquet`: one row a document, ranges of row groups.

Identity is the row's number in the file. Only the named columns are read. A file of zero bytes is one
quarantined row; one that has a schema but no rows is nothing, whatever its columns are (writers that see no
row guess their types). A file whose end was lost has lost its schema and its rows: it is one quarantined row.
Cost: that of Arrow's reader.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split, StageError
from stages.sources.fields import Fields, fields_parameter
from stages.sources.own_columns import OwnColumns, columns_parameter, text_schema

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    from stages.sources.columns import DocumentColumns

_MOST_ROWS = 1 << 16
#: Rows are read in batches of so many, or of a multiple.
_FEWEST_ROWS = 16
_MAGIC = b"PAR1"


class ParquetSource(Source):
    """Reads Parquet files; rows whose text is null are quarantined, empty texts are documents."""

    name: ClassVar[str] = "parquet"
    version: ClassVar[int] = 4
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)

    source: str = Field(default="parquet", description="what the column `source` says of every row")
    fields: Fields = fields_parameter()
    columns: OwnColumns = columns_parameter()
    max_record_bytes: int = Field(default=16_000_000, gt=0, description="longer texts are quarantined")

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA and the columns of one's own."""
        return text_schema(self.columns)

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
            sizes = _group_sizes(parquet, columns, file.path)
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
        if fault := _fault(path):
            yield self._unreadable(split.file, path, fault)
            return
        with _opened(path) as parquet:
            columns = self._columns(parquet, path)
            first = sum(parquet.metadata.row_group(group).num_rows for group in range(split.start))
            for group in range(split.start, split.end):
                yield from self._group(parquet, columns, group, first, split.file, batch_bytes)
                first += parquet.metadata.row_group(group).num_rows

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of rows of the row groups, from the file's footer; 1 for a file that cannot be read at all."""
        if _fault(path):
            return 1
        with _opened(path) as parquet:
            groups = range(split.start, split.end)
            return min(limit, sum(parquet.metadata.row_group(group).num_rows for group in groups))

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read row `offset` of the file, through the row group that holds it."""
        from stages.sources.columns import no_documents, only_row

        group = 0
        if not _fault(file.path):
            with _opened(file.path) as parquet:
                sizes = [parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups)]
            group = bisect_right(list(accumulate(sizes)), offset)
            if group == len(sizes):
                return no_documents(self.source, self.output_schema())
        for batch in self.read(Split(file.name, group, group + 1, 0), file.path, 1 << 26):
            row = only_row(batch, offset)
            if ordinal == 0 and row.documents.num_rows + row.rejects.num_rows:
                return row
        return no_documents(self.source, self.output_schema())

    def _columns(self, parquet: ParquetFile, path: Path) -> DocumentColumns:
        from stages.sources.columns import DocumentColumns

        return DocumentColumns(
            self.fields, self.columns, self.source, self.max_record_bytes, parquet.schema_arrow, path
        )

    def _group(
        self, parquet: ParquetFile, columns: DocumentColumns, group: int, first: int, file: str, batch_bytes: int
    ) -> Iterator[SourceBatch]:
        """The rows of one group, which begin with number `first`; what cannot be read of it is one row.

        A batch with damage in it is lost, so a damaged group is read again in the smallest batches: how much comes
        before the damage must not depend on `batch_bytes`.
        """
        from stages.sources.columns import damaged_rows, is_damage

        meta = parquet.metadata.row_group(group)
        rows = min(_MOST_ROWS, batch_bytes * meta.num_rows // max(1, meta.total_byte_size))
        given, end, fault = first, first + meta.num_rows, Exception()
        for step in (max(1, rows // _FEWEST_ROWS) * _FEWEST_ROWS, _FEWEST_ROWS):
            row = first
            try:
                for batch in parquet.iter_batches(step, row_groups=[group], columns=columns.names()):
                    row += batch.num_rows
                    if row > end:
                        raise ValueError("the row group holds more rows than the footer says")
                    if row > given:
                        yield columns.batch(batch, file, row - batch.num_rows)
                        given = row
                if row < end:
                    raise ValueError("the row group holds fewer rows than the footer says")
                return
            except Exception as error:
                if not is_damage(error):
                    raise
                fault = error
        yield damaged_rows(file, self.source, given, fault, {"rows": end - given}, self.output_schema())

    def _unreadable(self, file: str, path: Path, fault: str) -> SourceBatch:
        from stages.sources.columns import unreadable_file

        return unreadable_file(file, self.source, fault, path.stat().st_size, self.output_schema())


def _fault(path: Path) -> str | None:
    """Why nothing of the file can be read, if so: it is empty, or was cut off before its end was written."""
    from stages.sources.rows import EMPTY_FILE

    size = path.stat().st_size
    if size == 0:
        return EMPTY_FILE
    with path.open("rb", buffering=0) as stream:
        stream.seek(max(0, size - len(_MAGIC)))
        if stream.read(len(_MAGIC)) == _MAGIC:
            return None
        stream.seek(0)
        cut = stream.read(len(_MAGIC)) == _MAGIC
    return "damaged: the file is cut off, its footer with the places of all rows is missing" if cut else None


@contextmanager
def _opened(path: Path) -> Iterator[ParquetFile]:
    import pyarrow.parquet as pq

    from stages.sources.columns import is_damage

    try:
        file = pq.ParquetFile(path if isinstance(path, Path) else path.open("rb"))
        str(file.schema_arrow), file.schema_arrow.names  # Names that are not UTF-8 show here.
    except Exception as error:
        if not is_damage(error):
            raise
        raise StageError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    with file:
        yield file


def _group_sizes(parquet: ParquetFile, columns: set[str], path: Path) -> list[int]:
    """Uncompressed bytes of these columns in each row group, where they take the same share of all."""
    from stages.sources.parquet_footer import share_of_columns

    try:
        with path.open("rb") as stream:
            share = share_of_columns(stream, path.stat().st_size, columns)
    except ValueError as error:
        raise StageError(f"{path}: cannot be read as Parquet: {error}") from error
    groups = (parquet.metadata.row_group(group) for group in range(parquet.num_row_groups))
    return [max(0, round(share * group.total_byte_size)) for group in groups]
