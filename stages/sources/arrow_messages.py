"""Where the messages of an Arrow IPC stream or file lie, by their headers or by the file's footer.

A stream is a schema, then dictionaries and record batches, each a message: 0xFFFFFFFF, the length of its metadata,
the metadata (a flatbuffer), its body. A file is such a stream behind `ARROW1`, with a footer that is not needed
here. (Arrow columnar format 1.5, "Encapsulated message format"; Message.fbs.) What follows a header that makes
no sense cannot be found again, so there the walk ends.

The footer names the place of every record batch. A file need not be a stream to be read by it: polars writes a
schema without the length before it, and dictionaries behind the record batches. (Same place, "IPC File Format";
File.fbs: Footer, Block.)

Cost: one read of some 4 kB a message, whatever the length of its body.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from typing import IO, Final, NamedTuple

SCHEMA: Final = 1
DICTIONARY: Final = 2
RECORDS: Final = 3
FILE_MAGIC: Final = b"ARROW1"

_CONTINUATION = 0xFFFFFFFF
_AHEAD = 1 << 12
_LARGEST_METADATA = 1 << 28
#: How far a message is looked for that a footer does not name.
_LONGEST_SCHEMA = 1 << 20
#: Fields of the tables Message and RecordBatch, by their number in the schema.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_ROWS = 0
#: Fields of the table Footer that list messages: start, bytes of metadata, bytes of body.
_DICTIONARIES, _RECORD_BATCHES = 2, 3
_BLOCK = struct.Struct("<qi4xq")


class Message(NamedTuple):
    """One message: what it is, the bytes [start, end) that it takes, and the rows of a record batch."""

    kind: int
    start: int
    end: int
    rows: int


class BrokenMessage(ValueError):
    """The bytes from `start` on are no message, or not a whole one."""

    def __init__(self, reason: str, start: int) -> None:
        super().__init__(reason)
        self.start = start


def walk(stream: IO[bytes], size: int) -> Iterator[Message]:
    """The messages of a stream or file of `size` bytes, in order. BrokenMessage where they end before their end."""
    stream.seek(0)
    position = 8 if stream.read(len(FILE_MAGIC)) == FILE_MAGIC else 0
    while position < size:
        stream.seek(position)
        start = stream.read(_AHEAD)
        if len(start) < 8:
            raise BrokenMessage("the last message is cut off", position)
        continuation, length = struct.unpack_from("<II", start)
        if continuation != _CONTINUATION or length > _LARGEST_METADATA:
            raise BrokenMessage("no message begins here", position)
        if length == 0:
            return
        metadata = start[8 : 8 + length]
        metadata += stream.read(length - len(metadata))
        message = _parse(metadata, position)
        if message.end > size:
            raise BrokenMessage(f"the file ends {message.end - size} bytes before the message", position)
        yield message
        position = message.end


def is_cut_off(stream: IO[bytes], size: int) -> bool:
    """Whether a file begins as Arrow's do, but not with its schema, and lacks the footer to read it by."""
    magic = _bytes_at(stream, 0, len(FILE_MAGIC))
    return magic == FILE_MAGIC and not begins_with_schema(stream, size) and not has_footer(stream, size)


def begins_with_schema(stream: IO[bytes], size: int) -> bool:
    """Whether the messages can be walked through."""
    try:
        first = next(walk(stream, size), None)
    except BrokenMessage:
        return False
    return first is not None and first.kind == SCHEMA


def has_footer(stream: IO[bytes], size: int) -> bool:
    """Whether a file ends as Arrow's do."""
    return size > 2 * len(FILE_MAGIC) and _bytes_at(stream, size - len(FILE_MAGIC), len(FILE_MAGIC)) == FILE_MAGIC


def record_batches(stream: IO[bytes], size: int) -> list[Message | BrokenMessage]:
    """The record batches that the footer of a file of `size` bytes names, then what lies there and it does not name.

    BrokenMessage where the footer makes no sense.
    """
    end = size - len(FILE_MAGIC) - 4
    length = int.from_bytes(_bytes_at(stream, end, 4), "little")
    if not 0 < length <= end:
        raise BrokenMessage("the footer's length makes no sense", end)
    footer = _bytes_at(stream, end - length, length)
    try:
        dictionaries, batches = ([*_blocks(footer, field)] for field in (_DICTIONARIES, _RECORD_BATCHES))
    except struct.error as error:
        raise BrokenMessage("the footer makes no sense", end - length) from error
    unnamed = _unnamed(stream, end - length, sorted([*dictionaries, *batches]))
    return [*(_record_batch(stream, size, *block) for block in batches), *unnamed]


def _blocks(footer: bytes, field: int) -> Iterator[tuple[int, int, int]]:
    place = _field_place(footer, _offset(footer, 0), field)
    if place:
        vector = place + _offset(footer, place)
        for number in range(_offset(footer, vector)):
            yield _BLOCK.unpack_from(footer, vector + 4 + number * _BLOCK.size)


def _unnamed(stream: IO[bytes], end: int, blocks: Sequence[tuple[int, int, int]]) -> Iterator[BrokenMessage]:
    """Stretches before `end` in which messages begin that no block names; the schema's comes before the first."""
    starts = [start for start, _, _ in blocks]
    ends = [len(FILE_MAGIC), *(sum(block) for block in blocks)]
    for start, stop in zip(ends, [*starts, end], strict=True):
        ahead = _bytes_at(stream, start, min(_LONGEST_SCHEMA, stop - start)) if 0 <= start < stop <= end else b""
        if re.search(rb"\xff{4}(?!\0{4})(?=.{4})", ahead, re.DOTALL):
            yield BrokenMessage(f"the footer does not name what lies in {stop - start} bytes", start)


def _record_batch(stream: IO[bytes], size: int, start: int, metadata: int, body: int) -> Message | BrokenMessage:
    if not (start >= 0 and 8 < metadata <= _LARGEST_METADATA and body >= 0 and start + metadata + body <= size):
        return BrokenMessage("the footer names a place outside of the file", start)
    try:
        found = _parse(_bytes_at(stream, start + 8, metadata - 8), start)
    except BrokenMessage as error:
        return error
    if found.kind != RECORDS or found.end != start + metadata + body:
        return BrokenMessage("no record batch lies where the footer says", start)
    return found


def _bytes_at(stream: IO[bytes], start: int, length: int) -> bytes:
    stream.seek(start)
    return stream.read(length)


def _parse(metadata: bytes, start: int) -> Message:
    try:
        table = _offset(metadata, 0)
        kind = _field(metadata, table, _HEADER_TYPE, "<B", 0)
        body = _field(metadata, table, _BODY_LENGTH, "<q", 0)
        rows = 0
        if kind == RECORDS:
            place = _field_place(metadata, table, _HEADER)
            rows = _field(metadata, place + _offset(metadata, place), _ROWS, "<q", 0) if place else -1
    except struct.error as error:
        raise BrokenMessage("a message's metadata makes no sense", start) from error
    if body < 0 or rows < 0 or not 1 <= kind <= 5:
        raise BrokenMessage("a message's metadata makes no sense", start)
    return Message(kind, start, start + 8 + len(metadata) + body, rows)


def _offset(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _field_place(data: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffer's table is written; 0 where it is left out."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if not 0 <= vtable < len(data):
        raise struct.error("outside the metadata")
    entry = 4 + 2 * number
    if entry >= struct.unpack_from("<H", data, vtable)[0]:
        return 0
    offset = int(struct.unpack_from("<H", data, vtable + entry)[0])
    return table + offset if offset else 0


def _field(data: bytes, table: int, number: int, form: str, default: int) -> int:
    place = _field_place(data, table, number)
    return int(struct.unpack_from(form, data, place)[0]) if place else default
