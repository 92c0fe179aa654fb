"""The source `csv`: comma- or tab-separated rows under a header, in UTF-8.

A row is what RFC 4180 calls a record: fields in quotes may hold delimiters, line ends and doubled quotes. Its
offset is that of its first byte, uncompressed. Whether a line end lies inside quotes is known only from the
file's start, so a file is one range; with `quote: null` every line is a row, and plain files are cut into ranges.

A row with another number of columns than the header, one that is not UTF-8 and one whose quotes make no sense are
quarantined. Of the last kind only the first line is taken to be bad, and reading goes on with the next: so a quote
that nobody closed costs one line and not the rest of the file. Blank lines are passed over.

Parsed by Python's csv in strict mode, which is given a line at a time.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from stages.base import InputFile, Split, StageError
from stages.sources.byte_stream import with_compressions
from stages.sources.fields import Fields, fields_parameter
from stages.sources.own_columns import OwnColumn, OwnColumns, columns_parameter, fields_behind, text_schema
from stages.sources.record_source import RecordSource, whole_file

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.byte_lines import Line
    from stages.sources.rows import RowCollector


class CsvSource(RecordSource):
    """Reads CSV and TSV files with a header; rows that do not fit it are quarantined."""

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = with_compressions(".csv", ".tsv")

    source: str = Field(default="csv", description="what the column `source` says of every row")
    fields: Fields = fields_parameter()
    columns: OwnColumns = columns_parameter()
    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="what stands between fields; null: a tab in .tsv, a comma in .csv",
    )
    quote: str | None = Field(
        default='"', min_length=1, max_length=1, description="what encloses fields; null: nothing does, a line is a row"
    )
    max_record_bytes: int = Field(default=16_000_000, gt=0, description="longer rows are quarantined without parsing")

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        marks = [mark for mark in (self.delimiter, self.quote) if mark is not None]
        if len(set(marks)) < len(marks) or not {"\r", "\n"}.isdisjoint(marks):
            raise ValueError("delimiter and quote must differ from each other and from line ends")
        return self

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA and the columns of one's own."""
        return text_schema(self.columns)

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """The file, or without quotes ranges of about `target_bytes`. StageError where its header lacks a field."""
        self._header(file.path)
        return super().splits(file, target_bytes) if self.quote is None else [whole_file(file)]

    def _records(self, split: Split, path: Path) -> Iterator[_Row]:
        header = self._header(path)
        # Inside quotes or not is known only from the start of the file.
        split = split if self.quote is None else Split(split.file, 0, path.stat().st_size, 0)
        for row in self._rows(split, path):
            if header is None:
                yield row
            elif row.offset > header.offset:
                yield _fitted(row, header, self.columns)

    def _add(self, row: _Row, rows: RowCollector) -> None:
        from stages.sources.rows import Place, labelled

        place = labelled(Place(row.offset, 0), row.labels)
        if row.error is None:
            rows.keep(place, row.length, row.text, *row.own)
        else:
            rows.quarantine(place, row.error, {"bytes": row.length})

    def _header(self, path: Path) -> _Header | None:
        """Where the columns stand; None for a file of which nothing can be read. StageError where a field is absent."""
        row = next(self._rows(Split("", 0, path.stat().st_size, 0), path), None)
        if row is None or row.unreadable:
            return None
        if row.error is not None:
            raise StageError(f"{path}: its header cannot be read: {row.error}")
        places: dict[str, int] = {}
        for column, field in {"text": self.fields.text, **self.fields.labels, **fields_behind(self.columns)}.items():
            if row.values.count(field) == 1:
                places[column] = row.values.index(field)
            elif column in self.columns or self.fields.is_named(column):
                parameter = f"columns.{column}.field" if column in self.columns else f"fields.{column}"
                names = ", ".join(f"'{name}'" for name in row.values[:20] if row.values.count(name) == 1)
                mend = f"set {parameter}: one of {names}"
                if field in row.values:
                    mend = f"rename all but one, or {mend}" if names else "rename all but one"
                    raise StageError(f"{path}: its header names several columns '{field}'; {mend}")
                raise StageError(f"{path}: has no column '{field}'; {mend}")
        return _Header(row.offset, len(row.values), places)

    def _rows(self, split: Split, path: Path) -> Iterator[_Row]:
        """The rows that begin in the range, the header among them."""
        csv.field_size_limit(max(csv.field_size_limit(), self.max_record_bytes))
        tabs = ".tsv" in (suffix.lower() for suffix in path.suffixes[-2:])
        reader = _RowReader(
            self._lines(split, path), self.delimiter or ("\t" if tabs else ","), self.quote, self.max_record_bytes
        )
        return iter(reader)


class _Header(NamedTuple):
    """The header's offset, how many columns it has, and the number of the one behind each of a document's."""

    offset: int
    columns: int
    places: dict[str, int]


class _Row(NamedTuple):
    """A row and the bytes it takes; with `error` a bad one, `unreadable` where the file and not the row is bad."""

    offset: int
    length: int
    values: list[str]
    error: str | None = None
    unreadable: bool = False
    text: str = ""
    labels: Mapping[str, str | None] = {}
    own: Sequence[Any] = ()


class _RowReader:
    """Rows of lines, each of which goes as far as its quotes say."""

    def __init__(self, lines: Iterator[Line], delimiter: str, quote: str | None, limit: int) -> None:
        self._lines = lines
        self._limit = limit
        self._options: dict[str, Any] = {"delimiter": delimiter, "strict": True}
        self._options |= {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
        self._ahead: deque[Line] = deque()

    def __iter__(self) -> Iterator[_Row]:
        from stages.sources.byte_lines import is_blank

        while (line := self._next()) is not None:
            if line.content is None:
                large = f"the line has more than max_record_bytes ({self._limit})"
                yield _Row(line.offset, line.length, [], line.fault or large, line.fault is not None)
            elif not is_blank(line):
                yield self._row(line)

    def _row(self, first: Line) -> _Row:
        taken = [first]
        try:
            values = next(csv.reader(self._texts(taken), **self._options))
        except csv.Error as error:
            self._ahead.extendleft(reversed(taken[1:]))
            return _Row(first.offset, first.length, [], self._complaint(str(error)))
        content = b"\n".join(line.content or b"" for line in taken)
        return _Row(first.offset, len(content), values, _encoding_error(content))

    def _texts(self, taken: list[Line]) -> Iterator[str]:
        """The row's lines for the parser, which asks for the next one as long as a quote is open."""
        length, line = taken[0].length, taken[0]
        while True:
            yield (line.content or b"").decode("utf-8", "surrogateescape") + "\n"
            following = self._next()
            if following is None:
                return
            length += following.length + 1
            if following.content is None or length > self._limit:
                self._ahead.appendleft(following)
                return
            taken.append(following)
            line = following

    def _next(self) -> Line | None:
        return self._ahead.popleft() if self._ahead else next(self._lines, None)

    def _complaint(self, error: str) -> str:
        if error.startswith("unexpected end of data"):
            return f"a quote is left open, or the row has more than max_record_bytes ({self._limit})"
        if error.startswith("new-line character seen in unquoted field"):
            return "a carriage return stands alone outside quotes"
        return f"the quotes make no sense: {error}"


def _encoding_error(content: bytes) -> str | None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return f"the row is not UTF-8: {error.reason} at byte {error.start}"
    return "the row holds NUL bytes; it is no text" if b"\0" in content else None


def _fitted(row: _Row, header: _Header, columns: Mapping[str, OwnColumn]) -> _Row:
    """The row with the document's text and labels, or with what keeps it from being one."""
    if row.error is not None:
        return row
    if len(row.values) != header.columns:
        return row._replace(error=f"the row has {len(row.values)} columns, the header {header.columns}")
    found = {column: row.values[place] for column, place in header.places.items()}
    row = row._replace(text=found["text"], labels={column: value or None for column, value in found.items()})
    fields = fields_behind(columns)
    try:
        return row._replace(own=[column.value_of_text(found[name], fields[name]) for name, column in columns.items()])
    except ValueError as error:
        return row._replace(error=str(error))
