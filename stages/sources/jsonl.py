"""The source `jsonl`: one JSON object a line, plain or compressed with gzip, zstd or bzip2.

What Python's json makes of a line decides, and keeps exactly what is written (a column-wise reader would guess one
type for a field over all lines). Plain lines are read in bulk with the same result (stages/sources/jsonl_columns.py);
json itself reads those that are wrong or unusual, for their values and messages, and lines asked for one by one.
Lines whose arrays and objects nest deeper than 200 levels are quarantined without parsing. A file of zero bytes,
compressed or not, is one quarantined row, and so is one in UTF-16; blank lines are passed over.

Cost: some 600 MB/s of English text in plain lines, 150 MB/s in others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stages.base import SourceBatch, Split
from stages.sources.byte_stream import with_compressions
from stages.sources.fields import MISSING, Fields, as_label, fields_parameter, value_at
from stages.sources.own_columns import OwnColumns, columns_parameter, fields_behind, text_schema
from stages.sources.record_source import RecordSource
from tokenizer.json_text import parse_json

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.byte_lines import Line
    from stages.sources.rows import RowCollector

#: Only an escape can bring half of a surrogate pair into a line that is UTF-8.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class JsonlSource(RecordSource):
    """Reads JSON Lines files; every line that is no usable document is quarantined with its reason."""

    name: ClassVar[str] = "jsonl"
    version: ClassVar[int] = 3
    suffixes: ClassVar[tuple[str, ...]] = (*with_compressions(".jsonl", ".ndjson"), *with_compressions(".json")[1:])

    source: str = Field(default="jsonl", description="what the column `source` says of every row")
    fields: Fields = fields_parameter()
    columns: OwnColumns = columns_parameter()

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA and the columns of one's own."""
        return text_schema(self.columns)

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the documents and bad lines that begin in the range."""
        from stages.sources.byte_lines import Line, is_blank
        from stages.sources.jsonl_columns import PlainLines, runs_of_lines, with_other_rows

        plain = PlainLines(self.fields, self.columns, self.max_record_bytes, batch_bytes)
        others = self._collector(split.file, batch_bytes)
        schema = self.output_schema()
        for block in self._blocks(split, path):
            if isinstance(block, Line):
                self._add(block, others)
                continue
            for run in runs_of_lines(block):
                for line in plain.add(run):
                    if not is_blank(line):
                        self._add(line, others)
                if plain.full or others.full:
                    yield with_other_rows(plain.take(split.file, self.source, schema), others)
        yield with_other_rows(plain.take(split.file, self.source, schema), others)

    def _add(self, line: Line, rows: RowCollector) -> None:
        from stages.sources.rows import Place, labelled

        place, size = Place(line.offset, 0), {"bytes": line.length}
        if line.content is None:
            rows.quarantine(place, line.fault or self._too_large("line"), size)
            return
        try:
            record = parse_object(line.content)
        except ValueError as error:
            rows.quarantine(place, str(error), size)
            return
        labels = {column: as_label(value_at(record, field)) for column, field in self.fields.labels.items()}
        place = labelled(place, labels)
        field = self.fields.text
        text = value_at(record, field)
        if isinstance(text, str) and _is_unicode(text, line.content):
            try:
                own = self._own_values(record)
            except ValueError as error:
                rows.quarantine(place, str(error), size)
            else:
                rows.keep(place, line.length, text, *own)
        elif isinstance(text, str):
            rows.quarantine(place, f"the field '{field}' holds half of a surrogate pair", size)
        elif text is MISSING:
            rows.quarantine(place, f"the field '{field}' is missing", size)
        else:
            rows.quarantine(place, f"the field '{field}' is {_json_type(text)}, not a string", size)

    def _own_values(self, record: dict[str, Any]) -> list[Any]:
        fields = fields_behind(self.columns)
        return [column.value(value_at(record, fields[name]), fields[name]) for name, column in self.columns.items()]


def parse_object(content: bytes) -> dict[str, Any]:
    """The object that a line holds; ValueError says what is wrong with the line."""
    try:
        record = parse_json(content)
    except ValueError as error:
        raise ValueError(f"the line {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"the line is {_json_type(record)}, not an object")
    return record


def _is_unicode(text: str, content: bytes) -> bool:
    if not _SURROGATE.search(content):
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_type(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    return names.get(type(value), "a number")
