"""Walking through the messages of an Arrow IPC stream or file by their headers alone.

A stream is a schema, then dictionaries and record batches, each a message: 0xFFFFFFFF, the length of its metadata,
the metadata (a flatbuffer), its body. A file is such a stream behind `ARROW1`, with a footer that is not needed
here. (Arrow columnar format 1.5, "Encapsulated message format"; Message.fbs.) What follows a header that makes
no sense cannot be found again, so there the walk ends.

Cost: one read of some 4 kB a message, whatever the length of its body.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

SCHEMA: Final = 1
DICTIONARY: Final = 2
RECORDS: Final = 3
FILE_MAGIC: Final = b"ARROW1"

_CONTINUATION = 0xFFFFFFFF
_AHEAD = 1 << 12
_LARGEST_METADATA = 1 << 28
#: Fields of the tables Message and RecordBatch, by their number in the schema.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_ROWS = 0


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
