"""The source `jsonl`: one JSON object a line, plain or compressed with gzip, zstd or bzip2.

Plain files are cut into ranges of bytes; a range owns the lines that begin in it. A compressed file is one
range, because it can only be read from its start. `offset` counts uncompressed bytes either way.

Each line is parsed by Python's json, which keeps exactly what is written (a column-wise reader would
guess one type for a field over all lines). Lines whose arrays and objects nest deeper than 200 levels are
quarantined without parsing. A file of zero bytes, compressed or not, is one quarantined row, and so is one in
UTF-16; blank lines are passed over. Cost: some 150 MB/s of English text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stages.base import InputFile, Source, SourceBatch, Split
from stages.sources.byte_stream import is_compressed, with_compressions
from stages.sources.fields import MISSING, Fields, as_label, fields_parameter, value_at

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.byte_lines import Line
    from stages.sources.rows import RowCollector

#: Only an escape can bring half of a surrogate pair into a line that is UTF-8.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
#: Levels of nesting that are parsed; json needs one of the interpreter's 1,000 stack frames for each.
_DEEPEST = 200
#: Possessive, and matching strings without an end too, so that no line is gone through twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))


class JsonlSource(Source):
    """Reads JSON Lines files; every line that is no usable document is quarantined with its reason."""

    name: ClassVar[str] = "jsonl"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]] = (*with_compressions(".jsonl", ".ndjson"), *with_compressions(".json")[1:])

    source: str = Field(default="jsonl", description="what the column `source` says of every row")
    fields: Fields = fields_parameter()
    max_record_bytes: int = Field(default=16_000_000, gt=0, description="longer lines are quarantined without parsing")

    def output_schema(self) -> pyarrow.Schema:
        """TEXT_SCHEMA: identity, labels and `text`."""
        from stages.documents import TEXT_SCHEMA

        return TEXT_SCHEMA

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """Ranges of about `target_bytes`; one for a compressed file."""
        if is_compressed(file.path.name):
            return [Split(file.name, 0, file.size, file.size)]
        count = max(1, round(file.size / target_bytes))
        bounds = [file.size * at // count for at in range(count + 1)]
        return [Split(file.name, start, end, end - start) for start, end in pairwise(bounds)]

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the documents and bad lines that begin in the range; blank lines are passed over."""
        rows = self._collector(split.file, batch_bytes)
        for line in self._lines(split, path):
            self._add(line, rows)
            if rows.full:
                yield rows.take()
        yield rows.take()

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of lines of the range that are not blank (1 for an empty file), counted no further than `limit`."""
        rows = 0
        for _ in self._lines(split, path):
            rows += 1
            if rows >= limit:
                break
        return rows

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read the line that begins at `offset`; a compressed file is read from its start."""
        rows = self._collector(file.name, self.max_record_bytes)
        for line in self._lines(Split(file.name, offset, offset + 1, 1), file.path):
            if line.offset == offset and ordinal == 0:
                self._add(line, rows)
            break
        return rows.take()

    def _collector(self, file: str, batch_bytes: int) -> RowCollector:
        from stages.sources.rows import RowCollector

        return RowCollector(file, self.source, self.output_schema(), batch_bytes)

    def _lines(self, split: Split, path: Path) -> Iterator[Line]:
        from stages.sources.byte_lines import is_blank, read_lines

        # The end of a compressed file's only range counts compressed bytes, its lines' offsets do not.
        whole = is_compressed(path.name) and split.start == 0
        lines = read_lines(path, split.start, None if whole else split.end, self.max_record_bytes)
        return (line for line in lines if not is_blank(line))

    def _add(self, line: Line, rows: RowCollector) -> None:
        from stages.sources.rows import Place, labelled

        place, size = Place(line.offset, 0), {"bytes": line.length}
        if line.content is None:
            long = f"the line has {line.length} bytes, more than max_record_bytes ({self.max_record_bytes})"
            rows.quarantine(place, line.fault or long, size)
            return
        try:
            record = _parse(line.content)
        except ValueError as error:
            rows.quarantine(place, str(error), size)
            return
        labels = {column: as_label(value_at(record, field)) for column, field in self.fields.labels().items()}
        place = labelled(place, labels)
        field = self.fields.text
        text = value_at(record, field)
        if isinstance(text, str) and _is_unicode(text, line.content):
            rows.keep(place, line.length, text)
        elif isinstance(text, str):
            rows.quarantine(place, f"the field '{field}' holds half of a surrogate pair", size)
        elif text is MISSING:
            rows.quarantine(place, f"the field '{field}' is missing", size)
        else:
            rows.quarantine(place, f"the field '{field}' is {_json_type(text)}, not a string", size)


def _parse(content: bytes) -> dict[str, Any]:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"the line is not UTF-8: {error.reason} at byte {error.start}") from error
    if _nests_too_deep(content):
        raise ValueError(f"the line nests deeper than {_DEEPEST} levels")
    try:
        record = _loads(text)
    except ValueError as error:
        raise ValueError(f"the line is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"the line is {_json_type(record)}, not an object")
    return record


def _nests_too_deep(content: bytes) -> bool:
    if content.count(b"[") + content.count(b"{") <= _DEEPEST:
        return False
    brackets = _STRING.sub(b"", content).translate(None, _NO_BRACKETS)
    return any(depth > _DEEPEST for depth in accumulate(_STEPS[bracket] for bracket in brackets))


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        # How much stack the caller has used must not decide about a line: a new thread has all of it.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(json.loads, text).result()


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
