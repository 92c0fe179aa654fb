"""What walking through a WARC file gives: records and damaged spans (ISO 28500, section 4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

#: A record header longer than this is taken for damage.
HEADER_LIMIT = 1 << 20

#: Lines end with LF and any number of CR before it: files went through careless conversions.
BLANK_LINE = re.compile(rb"\n\r*\n")
_VERSION = re.compile(rb"WARC/\d+\.\d+[ \t]*\r*\n")
_FOLD = re.compile(rb"\r*\n[ \t]+")
_LENGTH_DIGITS = 18


class Record(NamedTuple):
    """A whole record. `block` is None where it was not wanted: another type, or more than the limit."""

    offset: int
    ordinal: int
    type: bytes
    header: bytes
    length: int
    block: bytes | None


class Damage(NamedTuple):
    """Bytes that are no record: from `offset` (of a record's member, or the record) up to `resumes`.

    `length` counts bytes of the file, or inflated bytes where a span ends inside its member. `header` is
    that of the record hit, empty where it could not be read.
    """

    offset: int
    ordinal: int
    resumes: int
    length: int
    inflated: bool
    reason: str
    header: bytes


def owns(event: Record | Damage, start: int, end: int, size: int) -> bool:
    """Whether the range [start, end) of a file of `size` bytes owns this event.

    Damage belongs to the range where reading goes on, so a range in which nothing begins owns nothing and
    need not look at what lies before it; damage up to the file's end belongs to the last range.
    """
    if isinstance(event, Record):
        return start <= event.offset < end
    return start <= event.resumes < end or event.resumes == end == size


class RecordHead(NamedTuple):
    """A record header: its type in lower case, the length of its block, text, and where the block begins."""

    type: bytes
    length: int
    header: bytes
    end: int


class Wanted(NamedTuple):
    """Which records' blocks are kept: of these types, and no longer than `limit` bytes."""

    types: frozenset[bytes]
    limit: int

    def includes(self, head: RecordHead) -> bool:
        """Whether the block behind this header is kept."""
        return head.type in self.types and head.length <= self.limit


class RecordFormat(NamedTuple):
    """How records of a format begin: with a line that starts with `line_start` (its line end before it included)."""

    name: str
    #: What the format calls the length of a record's block.
    length_name: str
    line_start: bytes
    #: The record header at an offset of some bytes, or None.
    parse: Callable[..., RecordHead | None]
    #: Whether these bytes may be the beginning of a header that ends behind them.
    is_cut_off: Callable[[bytes | bytearray], bool]

    def find(self, data: bytes | bytearray, start: int) -> int:
        """Where the first record header begins whose line starts at or behind `start` (not 0), or -1."""
        found = data.find(self.line_start, start - 1)
        while found >= 0 and self.parse(data, found + 1) is None:
            found = data.find(self.line_start, found + 1)
        return found + 1 if found >= 0 else -1


def parse_head(data: bytes | bytearray, start: int = 0) -> RecordHead | None:
    """The record header at `start`, or None where there is no complete one with type and length."""
    if not _VERSION.match(data, start):
        return None
    blank = BLANK_LINE.search(data, start, start + HEADER_LIMIT)
    if blank is None:
        return None
    header = bytes(data[start : blank.start()])
    lower = header.lower()
    kind, length = field_of(header, lower, b"warc-type"), field_of(header, lower, b"content-length")
    if not kind or not length or not length.isdigit() or len(length) > _LENGTH_DIGITS:
        return None
    return RecordHead(kind.lower(), int(length), header, blank.end())


def _is_cut_off(data: bytes | bytearray) -> bool:
    return b"WARC/".startswith(data[:5]) and len(data) <= HEADER_LIMIT and not BLANK_LINE.search(data)


WARC = RecordFormat("WARC", "Content-Length", b"\nWARC/", parse_head, _is_cut_off)


def field_of(header: bytes, lower: bytes, name: bytes) -> bytes | None:
    """The first field of this lower-case name, given the header also in lower case; for a few of many fields."""
    begin = lower.find(b"\n" + name + b":")
    if begin < 0:
        return None
    begin += len(name) + 2
    end = header.find(b"\n", begin)
    return (header[begin:] if end < 0 else header[begin:end]).strip()


def unfolded(header: bytes) -> bytes:
    """The header with folded lines in one."""
    return _FOLD.sub(b" ", header) if b"\n " in header or b"\n\t" in header else header


def parse_fields(header: bytes) -> dict[bytes, bytes]:
    """Fields of a header whose first line is none, by lower-case name; repeated ones joined by a comma.

    Folded lines are unfolded, lines without a colon passed over.
    """
    header = unfolded(header)
    fields: dict[bytes, bytes] = {}
    lines = iter(header.split(b"\n"))
    next(lines)
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon:
            name, value = name.strip().lower(), value.strip()
            fields[name] = fields[name] + b", " + value if name in fields else value
    return fields
