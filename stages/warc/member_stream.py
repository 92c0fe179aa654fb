"""The content of a member (a gzip member or a zstd frame), decompressed piece by piece within bounds."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from stages.warc.file_window import FileWindow


class BrokenMember(Exception):
    """The compressed data itself is damaged or cut off; the message says which."""


class MemberFormat(Protocol):
    """What the walk needs to know of a compressed format; every answer is about one offset of the file."""

    #: The bytes that a member with content begins with.
    magic: bytes
    #: The most bytes that the format stores in one piece without compressing.
    stored_limit: int

    def beginning(self, window: FileWindow, offset: int) -> bytes:
        """The first bytes of the member's content, at least some thousand if it has them; none where no member is."""
        ...

    def whole(self, window: FileWindow, offset: int) -> tuple[bytes, int] | None:
        """Content and end of a member of modest size; None where that is not found out at once."""
        ...

    def pieces(self, window: FileWindow, offset: int) -> Generator[bytes, None, int]:
        """The member's content in pieces of bounded size; returns the member's end. Raises BrokenMember."""
        ...


class MemberStream:
    """The content of a member, decompressed piece by piece: `end` is known when `fill` returned False."""

    def __init__(self, window: FileWindow, members: MemberFormat, member: int, rereads: int = 0) -> None:
        self._window = window
        self._members = members
        self.buffer = bytearray()
        self.header = b""
        self.begun = (member, 0)
        #: How often the member was opened again.
        self.rereads = rereads
        #: Bytes of the member's content taken so far, and where in it the record and its block begin.
        self.position = self.record_start = self.block_start = 0
        self._open(member)

    def _open(self, member: int) -> None:
        self.member = member
        self.end = -1
        self.position = 0
        self._ordinal = 0
        self._pieces = self._members.pieces(self._window, member)

    def begin_record(self) -> None:
        """Name the record that begins here."""
        self.begun = (self.member, self._ordinal)
        self._ordinal += 1

    def follow(self, other: MemberStream) -> None:
        """Go on with the numbers of the records of another stream of this member."""
        self._ordinal = other._ordinal

    def drop(self, count: int) -> None:
        """Take bytes from the buffer's beginning."""
        del self.buffer[:count]
        self.position += count

    def next_member(self) -> None:
        """Go on with the member that follows; what is left of this one must have been taken."""
        self._open(self.end)

    def fill(self) -> bool:
        """Add bytes to the buffer; False at the member's end. Raises BrokenMember."""
        if self.end >= 0:
            return False
        try:
            self.buffer += next(self._pieces)
        except StopIteration as stop:
            self.end = stop.value
            return False
        return True

    def skip_line_ends(self) -> bool:
        """Drop line ends before a record; False when nothing else is left of the member."""
        while True:
            blank = 0
            while blank < len(self.buffer) and self.buffer[blank] in b"\r\n":
                blank += 1
            self.drop(blank)
            if self.buffer:
                self.record_start = self.position
                return True
            if not self.fill():
                return False
