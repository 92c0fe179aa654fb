"""What sources of records in text files have in common: ranges of bytes, and every record a row.

A record is anything that knows its `offset`: a line, or a row of several lines.
Plain files are cut into ranges of bytes; a range owns the lines that begin in it. A compressed file is one
range, because it can only be read from its start. `offset` counts uncompressed bytes either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split
from stages.sources.byte_stream import is_compressed

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.byte_lines import Block, Line
    from stages.sources.rows import RowCollector


class RecordSource(Source):
    """A source that makes a row of each record: a line that is not blank, unless a source says otherwise."""

    source: str = Field(default="", description="what the column `source` says of every row")
    max_record_bytes: int = Field(default=16_000_000, gt=0, description="longer lines are quarantined without parsing")

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA: identity, labels and `text`."""
        from stages.documents import TEXT_SCHEMA

        return TEXT_SCHEMA

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """Ranges of about `target_bytes`; one for a compressed file."""
        if is_compressed(file.path.name):
            return [whole_file(file)]
        count = max(1, round(file.size / target_bytes))
        bounds = [file.size * at // count for at in range(count + 1)]
        return [Split(file.name, start, end, end - start) for start, end in pairwise(bounds)]

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the documents and bad records that begin in the range."""
        rows = self._collector(split.file, batch_bytes)
        for record in self._records(split, path):
            self._add(record, rows)
            if rows.full:
                yield rows.take()
        yield rows.take()

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of records of the range (1 for an empty file), counted no further than `limit`."""
        return sum(1 for _ in islice(self._records(split, path), limit))

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read the record that begins at `offset`; a compressed file is read from its start."""
        rows = self._collector(file.name, self.max_record_bytes)
        for record in self._records(Split(file.name, offset, offset + 1, 1), file.path):
            if record.offset == offset and ordinal == 0:
                self._add(record, rows)
            if record.offset >= offset:
                break
        return rows.take()

    def _records(self, split: Split, path: Path) -> Iterator[Any]:
        """The records that begin in the range, each with its `offset`."""
        from stages.sources.byte_lines import is_blank

        return (line for line in self._lines(split, path) if not is_blank(line))

    def _add(self, record: Any, rows: RowCollector) -> None:
        """Make a row of a record."""
        raise NotImplementedError

    def _lines(self, split: Split, path: Path) -> Iterator[Line]:
        from stages.sources.byte_lines import read_lines

        return read_lines(path, split.start, _end(split, path), self.max_record_bytes)

    def _blocks(self, split: Split, path: Path) -> Iterator[Block | Line]:
        from stages.sources.byte_lines import read_blocks

        return read_blocks(path, split.start, _end(split, path), self.max_record_bytes)

    def _collector(self, file: str, batch_bytes: int) -> RowCollector:
        from stages.sources.rows import RowCollector

        return RowCollector(file, self.source, self.output_schema(), batch_bytes)

    def _too_large(self, what: str) -> str:
        return f"the {what} has more than max_record_bytes ({self.max_record_bytes})"


def whole_file(file: InputFile) -> Split:
    """A file as its only range."""
    return Split(file.name, 0, file.size, file.size)


def _end(split: Split, path: Path) -> int | None:
    """The range's end in uncompressed bytes, as the offsets of lines are; a compressed file is one range."""
    return None if is_compressed(path.name) and split.start == 0 else split.end
