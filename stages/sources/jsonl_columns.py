"""Documents of JSON Lines as Arrow columns, without a Python object for a line.

Of a run of lines a kernel finds where the wanted fields of each lie (stages/sources/jsonl_kernel.py); their strings
are then copied, without escapes, behind those of earlier runs. Fields inside of fields (`a.b`) are found by going
through the objects that a field holds in the same way. Lines that this cannot read, or whose text or labels are not
plain strings and integers, are handed back to be read one by one; which they are never changes a row.

Cost: about 1.5 ns for a byte of English text, all in all; a third of it is memory written for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stages.base import SourceBatch
from stages.sources.byte_lines import Block, Line, line_at
from stages.sources.fields import Fields
from stages.sources.jsonl_kernel import (
    ESCAPED_STRING,
    FALSE,
    INTEGER,
    LEVELS,
    MISSING,
    NULL,
    NUMBER,
    OBJECT,
    PLAIN,
    STRING,
    TRUE,
    UNUSUAL,
    copy_strings,
    find_fields,
    find_lines,
)
from stages.sources.own_columns import ColumnType, OwnColumn, fields_behind
from stages.sources.rows import BATCH_ROWS, RowCollector, labelled_columns, milliseconds_of
from stages.text_buffers import word_buffers
from stages.vector_kernel import BLOCK

#: The kinds of values that columns of a type are made of here.
_KINDS: dict[ColumnType, tuple[int, ...]] = {
    "integer": (INTEGER,),
    "float": (INTEGER, NUMBER),
    "string": (STRING, ESCAPED_STRING),
    "boolean": (TRUE, FALSE),
}
#: Room for the texts of a batch of the usual size; memory that is not written to is not taken.
_TEXT_BYTES = 68_000_000
#: Integers of so many characters have 64 bits at most.
_SAFE_INTEGER = 18


class Run(NamedTuple):
    """Bounds of consecutive lines in the bytes of a block; `readable` if those are UTF-8."""

    block: Block
    data: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    readable: bool

    def lines(self, numbers: Iterable[int], limit: int) -> list[Line]:
        """Some of the lines; without content where one is longer than `limit`."""
        return [line_at(self.block, int(self.begins[at]), int(self.ends[at]), limit) for at in numbers]


class _Values(NamedTuple):
    """What one field holds in each line: place and kind of its values (jsonl_kernel)."""

    spans: np.ndarray
    kinds: np.ndarray


def runs_of_lines(block: Block) -> Iterator[Run]:
    """All lines of a block, so few at a time that what is known of them takes little memory."""
    data = np.frombuffer(block.content, dtype=np.uint8)
    readable = _is_utf8(block.content)
    place = 0
    while place < len(data):
        begins, ends = np.empty((2, BATCH_ROWS), dtype=np.int64)
        count, place = find_lines(data, place, begins, ends)
        yield Run(block, data, begins[:count], ends[:count], readable)


class PlainLines:
    """Documents of plain lines of one file until `batch_bytes` are held; `take` gives them as a record batch."""

    def __init__(self, fields: Fields, columns: Mapping[str, OwnColumn], limit: int, batch_bytes: int) -> None:
        self._sources = {"text": fields.text, **fields.labels, **fields_behind(columns)}
        self._label_names = tuple(fields.labels)
        self._types = {name: column.type for name, column in columns.items()}
        self._limit = limit
        self._batch_bytes = batch_bytes
        paths = [[field, field.split(".")[0]] for field in self._sources.values()]
        self._names = list(dict.fromkeys(name for path in paths for name in path))
        self._begin()

    def _begin(self) -> None:
        self._offsets: list[np.ndarray] = []
        self._text = np.empty(_TEXT_BYTES, dtype=np.uint8)
        self._text_bytes = 0
        self._text_offsets: list[np.ndarray] = []
        self._labels: dict[str, list[pa.Array]] = {column: [] for column in self._label_names}
        self._own: dict[str, list[pa.Array]] = {column: [] for column in self._types}
        self._bytes, self._rows = 0, 0

    @property
    def full(self) -> bool:
        """Whether it is time to take a batch."""
        return self._bytes >= self._batch_bytes or self._rows >= BATCH_ROWS

    def add(self, run: Run) -> list[Line]:
        """Add the documents of a run; gives the other lines, some of which may be blank."""
        if not run.readable:
            return run.lines(range(len(run.begins)), self._limit)
        states, values = self._find(run)
        text = values["text"]
        states[(states == PLAIN) & (text.kinds != STRING) & (text.kinds != ESCAPED_STRING)] = UNUSUAL
        for column in self._labels:
            states[values[column].kinds == NUMBER] = UNUSUAL
        for column, kind in self._types.items():
            states[~_is_of_type(values[column], kind)] = UNUSUAL
        states[run.ends - run.begins > self._limit] = UNUSUAL
        rows = np.flatnonzero(states == PLAIN)
        self._offsets.append(run.block.offset + run.begins[rows])
        self._add_text(run.data, text.spans[rows], text.kinds[rows])
        for column, arrays in self._labels.items():
            arrays.append(_strings(run.data, values[column].spans[rows], values[column].kinds[rows]))
        for column, arrays in self._own.items():
            found = values[column]
            arrays.append(_typed(run.data, found.spans[rows], found.kinds[rows], self._types[column]))
        self._bytes += int((run.ends - run.begins)[rows].sum())
        self._rows += len(rows)
        return run.lines(np.flatnonzero(states == UNUSUAL), self._limit)

    def take(self, file: str, source: str, schema: pa.Schema) -> pa.RecordBatch:
        """The documents held so far, which are then forgotten."""
        count = self._rows
        labels = {
            column: pa.concat_arrays([pa.array([], pa.string()), *parts]) for column, parts in self._labels.items()
        }
        absent = pa.nulls(count, pa.string())
        offsets = np.concatenate([*self._text_offsets, [self._text_bytes]]).astype(np.int64)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(self._text[: self._text_bytes])]
        columns = labelled_columns(
            file,
            pa.array(np.concatenate([np.empty(0, dtype=np.int64), *self._offsets])),
            pa.array(np.zeros(count, dtype=np.int32)),
            labels.get("id", absent),
            labels.get("url", absent),
            milliseconds_of(labels.get("date", absent)),
            labels.get("source", absent),
            source,
        )
        text = pa.Array.from_buffers(pa.large_string(), count, buffers)
        own = [
            pa.concat_arrays([pa.array([], schema.field(column).type), *parts]) for column, parts in self._own.items()
        ]
        self._begin()
        return pa.RecordBatch.from_arrays([*columns, text, *own], schema=schema)

    def _find(self, run: Run) -> tuple[np.ndarray, dict[str, _Values]]:
        """What each line is, and for each column what feeds it."""
        states, spans, kinds = _fields_of(run.data, run.begins, run.ends, self._names)
        found = {name: _Values(spans[:, at], kinds[:, at]) for at, name in enumerate(self._names)}
        values = {}
        for column, field in self._sources.items():
            outer, *path = field.split(".")
            values[column] = found[field]
            if path:
                inner = _inside(run.data, found[outer], path, states)
                own = found[field].kinds != MISSING
                values[column] = _Values(
                    np.where(own[:, None], found[field].spans, inner.spans),
                    np.where(own, found[field].kinds, inner.kinds),
                )
        return states, values

    def _add_text(self, data: np.ndarray, spans: np.ndarray, kinds: np.ndarray) -> None:
        needed = self._text_bytes + int((spans[:, 1] - spans[:, 0]).sum()) + BLOCK
        if needed > len(self._text):
            grown = np.empty(max(needed, 2 * len(self._text)), dtype=np.uint8)
            grown[: self._text_bytes] = self._text[: self._text_bytes]
            self._text = grown
        offsets = np.empty(len(kinds) + 1, dtype=np.int64)
        self._text_bytes = copy_strings(data, spans, kinds, self._text, self._text_bytes, offsets)
        self._text_offsets.append(offsets[:-1])


def with_other_rows(documents: pa.RecordBatch, rows: RowCollector) -> SourceBatch:
    """Documents together with the rows of the same range that were collected one by one, in order of offset."""
    others = rows.take()
    if others.documents.num_rows:
        both = pa.Table.from_batches([documents, others.documents]).combine_chunks()
        documents = both.take(np.argsort(both.column("offset").to_numpy())).combine_chunks().to_batches()[0]
    return others._replace(documents=documents)


def _is_utf8(content: bytes) -> bool:
    ends = pa.py_buffer(np.array([0, len(content)], dtype=np.int64))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(content)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _fields_of(
    data: np.ndarray, begins: np.ndarray, ends: np.ndarray, names: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each object is, and places and kinds of its fields with these names (rows by names)."""
    states = np.empty(len(begins), dtype=np.uint8)
    spans = np.zeros((len(begins), len(names), 2), dtype=np.int64)
    kinds = np.empty((len(begins), len(names)), dtype=np.uint8)
    stack = np.empty(LEVELS, dtype=np.uint8)
    find_fields(data, begins, ends, *word_buffers(names), stack, states, spans, kinds)
    return states, spans, kinds


def _inside(data: np.ndarray, outer: _Values, path: list[str], states: np.ndarray) -> _Values:
    """The values at a path inside of those of a field; marks in `states` the lines where that cannot be said."""
    for name in path:
        rows = np.flatnonzero((outer.kinds == OBJECT) & (states == PLAIN))
        found, spans, kinds = _fields_of(data, outer.spans[rows, 0], outer.spans[rows, 1], [name])
        states[rows[found != PLAIN]] = UNUSUAL
        outer = _Values(np.zeros_like(outer.spans), np.full_like(outer.kinds, MISSING))
        outer.spans[rows], outer.kinds[rows] = spans[:, 0], kinds[:, 0]
    return outer


def _strings(data: np.ndarray, spans: np.ndarray, kinds: np.ndarray) -> pa.Array:
    """Strings, and numbers as they are written; null for other values."""
    present = np.isin(kinds, (STRING, ESCAPED_STRING, INTEGER, NUMBER))
    if not present.any():
        return pa.nulls(len(kinds), pa.string())
    sizes = spans[present, 1] - spans[present, 0]
    out = np.empty(int(sizes.sum()) + BLOCK, dtype=np.uint8)
    offsets = np.empty(len(kinds) + 1, dtype=np.int64)
    size = copy_strings(data, spans, kinds, out, 0, offsets)
    valid = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
    buffers = [valid, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(out[:size])]
    return pa.Array.from_buffers(pa.string(), len(kinds), buffers)


def _is_of_type(values: _Values, kind: ColumnType) -> np.ndarray:
    """Which values a column of this type can hold; others are left to `OwnColumn.value`."""
    fits = np.isin(values.kinds, (MISSING, NULL, *_KINDS[kind]))
    if kind == "integer":
        fits &= (values.kinds != INTEGER) | (values.spans[:, 1] - values.spans[:, 0] <= _SAFE_INTEGER)
    return fits


def _typed(data: np.ndarray, spans: np.ndarray, kinds: np.ndarray, kind: ColumnType) -> pa.Array:
    """Values that are of a type, or null, as an array of that type."""
    if kind == "boolean":
        return pa.array(kinds == TRUE, pa.bool_(), mask=(kinds != TRUE) & (kinds != FALSE))
    written = _strings(data, spans, kinds)
    if kind == "string":
        return written
    if kind == "integer":
        return written.cast(pa.int64())
    return pa.array([None if number is None else float(number) for number in written.to_pylist()], pa.float64())
