"""Where the record batches of an Arrow file or stream lie, and how one of them is read.

What begins with its schema is walked through message by message, so what comes before damage is read, whether or not
there is a footer. Any other file is read by its footer, as polars writes them.

Cost: a few microseconds a record batch to find it; to read it, Arrow's reader for the columns that are asked for.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from stages.base import StageError
from stages.sources.arrow_messages import (
    DICTIONARY,
    RECORDS,
    BrokenMessage,
    Message,
    begins_with_schema,
    has_footer,
    record_batches,
    walk,
)

if TYPE_CHECKING:
    import pyarrow

    from stages.sources.columns import DocumentColumns


class Part(NamedTuple):
    """A record batch whose rows begin with number `first`; with `damage` what cannot be read, perhaps to the end."""

    first: int
    rows: int
    start: int
    end: int
    damage: str | None = None

    def holds(self, row: int) -> bool:
        return self.first <= row < self.first + max(1, self.rows)

    @property
    def bytes(self) -> int:
        return self.end - self.start


class Layout(Protocol):
    """The parts of one file, and how to read them."""

    @property
    def parts(self) -> Sequence[Part]: ...

    def schema(self) -> pyarrow.Schema: ...

    def batch(self, part: Part, columns: DocumentColumns) -> pyarrow.RecordBatch:
        """The columns of one record batch. ArrowException, ValueError or OSError where it is damaged."""
        ...


def find_layout(stream: IO[bytes], path: Path, size: int) -> Layout:
    """The layout of a file of `size` bytes. StageError where the file is none of Arrow's."""
    if begins_with_schema(stream, size):
        return _StreamLayout(stream, size)
    if has_footer(stream, size):
        try:
            return _FooterLayout(stream, record_batches(stream, size))
        except BrokenMessage as error:
            raise StageError(f"{path}: cannot be read as Arrow: {error}") from error
    raise StageError(f"{path}: is no Arrow file or stream; take the source of what it is, or write it with pyarrow")


class _StreamLayout:
    """Messages one after another: a record batch is read behind the schema and the dictionaries before it."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._size = size
        self._walked: tuple[list[Part], list[Message]] | None = None

    @property
    def parts(self) -> Sequence[Part]:
        return self._walk()[0]

    def schema(self) -> pyarrow.Schema:
        import pyarrow as pa

        return pa.ipc.open_stream(_Ranges(self._stream, [next(walk(self._stream, self._size))])).schema

    def batch(self, part: Part, columns: DocumentColumns) -> pyarrow.RecordBatch:
        import pyarrow as pa

        if part.damage:
            raise ValueError(part.damage)
        schema, *dictionaries = self._walk()[1]
        before = [message for message in dictionaries if message.start < part.start]
        options = pa.ipc.IpcReadOptions(included_fields=columns.top_level())
        messages = _Ranges(self._stream, [schema, *before, part])
        batch = pa.ipc.open_stream(messages, options=options).read_next_batch()
        columns.check_sound(batch)
        return batch

    def _walk(self) -> tuple[list[Part], list[Message]]:
        """The parts, and the schema with the dictionaries. What follows damage is one part."""
        if self._walked is None:
            parts: list[Part] = []
            others: list[Message] = []
            first = 0
            try:
                for message in walk(self._stream, self._size):
                    if message.kind == RECORDS and message.rows:
                        parts.append(Part(first, message.rows, message.start, message.end))
                        first += message.rows
                    elif message.kind == DICTIONARY or not others:
                        others.append(message)
            except BrokenMessage as error:
                parts.append(Part(first, 0, error.start, self._size, str(error)))
            self._walked = parts, others
        return self._walked


class _FooterLayout:
    """Record batches that the footer names; Arrow's own reader finds the schema and the dictionaries."""

    def __init__(self, stream: IO[bytes], found: Sequence[Message | BrokenMessage]) -> None:
        self._stream = stream
        self._reader: Any = None
        self._numbers: dict[Part, int] = {}
        first = 0
        for number, message in enumerate(found):
            if isinstance(message, BrokenMessage):
                part = Part(first, 0, message.start, message.start, str(message))
            else:
                part = Part(first, message.rows, message.start, message.end)
            if part.damage or part.rows:
                self._numbers[part] = number
                first += max(1, part.rows)

    @property
    def parts(self) -> Sequence[Part]:
        return list(self._numbers)

    def schema(self) -> pyarrow.Schema:
        import pyarrow as pa

        return pa.ipc.open_file(self._stream).schema

    def batch(self, part: Part, columns: DocumentColumns) -> pyarrow.RecordBatch:
        import pyarrow as pa

        if part.damage:
            raise ValueError(part.damage)
        if self._reader is None:
            options = pa.ipc.IpcReadOptions(included_fields=columns.top_level())
            self._reader = pa.ipc.open_file(self._stream, options=options)
        batch = self._reader.get_batch(self._numbers[part])
        columns.check_sound(batch)
        return batch


class _Ranges(io.RawIOBase):
    """Some messages of a file as one stream."""

    def __init__(self, stream: IO[bytes], ranges: Sequence[Any]) -> None:
        self._stream = stream
        self._ranges = [(found.start, found.end) for found in ranges]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._ranges and self._ranges[0][0] == self._ranges[0][1]:
            self._ranges.pop(0)
        if not self._ranges:
            return 0
        start, end = self._ranges[0]
        self._stream.seek(start)
        data = self._stream.read(min(len(buffer), end - start))
        buffer[: len(data)] = data
        self._ranges[0] = (start + len(data), end)
        return len(data)
