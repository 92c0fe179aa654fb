"""Finding records in a gzip-compressed WARC file, from any byte on, and past damage.

A .warc.gz file is a chain of gzip members, as a rule one per record, and a record is named by the offset
of the member that it begins in. The walk follows the chain. FastWARC's gzip reader inflates what looks
like a member with one whole record in it; everything else (several records in a member, a member with no
record, records of many megabytes, damage) goes through a bounded zlib stream that knows where members
end. FastWARC's own record iterator is not used because it does not tell that, gives wrong offsets to the
second record of a member, and stops at damage and at empty members.

A reader that starts in the middle must find members that the walk from the start of the file would find.
A gzip magic whose content starts with a WARC header may be part of an archived .warc.gz file that
deflate stored without compressing. But a stored block holds at most 65,535 bytes (RFC 1951, section
3.2.4), so a chain of intact members that is longer, or ends exactly at the end of the file, is no part of
one. `_start_before` looks backwards for such a chain and the walk goes on from there, so any cut of a file
gives the records of the uncut file.

Cost: inflating once, and for every range about 64 KiB to 200 KiB of compressed bytes before it.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Generator, Iterator

from fastwarc.stream_io import GzipReader

from stages.warc.file_window import FileWindow
from stages.warc.records import BLANK_LINE, HEADER_LIMIT, Damage, Record, RecordHead, owns, parse_head

MAGIC = b"\x1f\x8b\x08"
#: Header and trailer of a gzip member (RFC 1952): nothing shorter is one.
_SMALLEST_MEMBER = 18
_STORED_BLOCK_LIMIT = 65_535
_WHOLE_COMPRESSED = 1 << 20
_WHOLE_INFLATED = 16 << 20
_INPUT_BYTES = 1 << 16
_OUTPUT_BYTES = 1 << 18


class GzipArchive:
    """A gzip-compressed WARC file. Blocks of responses up to `block_limit` bytes are kept in records."""

    def __init__(self, window: FileWindow, block_limit: int) -> None:
        self._window = window
        self._block_limit = block_limit

    def events(self, start: int, end: int) -> Iterator[Record | Damage]:
        """Records whose member begins in [start, end), and damaged spans that end there."""
        size = self._window.size
        if start > 0 and end < size and self.next_record_start(start, end) == end:
            return
        for event in self._walk(self._start_before(start), end):
            if owns(event, start, end, size):
                yield event

    def events_at(self, offset: int) -> Iterator[Record | Damage]:
        """What begins in the member at `offset`."""
        return self._walk(offset, offset + 1)

    def _walk(self, position: int, stop: int) -> Iterator[Record | Damage]:
        while position < stop:
            whole = self._whole_record(position)
            if whole is not None:
                record, position = whole
                yield record
            else:
                position = yield from self._careful(position)

    def next_record_start(self, start: int, end: int | None = None) -> int:
        """Offset of the first member in [start, end) whose content starts with a record header, or `end`."""
        end = self._window.size if end is None else end
        while (start := self._window.find(MAGIC, start, end)) >= 0:
            if self.is_record_start(start):
                return start
            start += 1
        return end

    def is_record_start(self, offset: int) -> bool:
        """Whether a gzip member with a record header begins here; its end is not looked at."""
        data = self._window.read(offset, 1 << 13)
        if not data.startswith(MAGIC):
            return False
        try:
            start = zlib.decompressobj(31).decompress(data, _OUTPUT_BYTES)
        except zlib.error:
            return False
        return parse_head(start) is not None or (start.startswith(b"WARC/") and not BLANK_LINE.search(start))

    def _start_before(self, start: int) -> int:
        reach, high = 1 << 17, start + 1
        while (low := start - reach) > 0:
            candidate = low
            while (candidate := self.next_record_start(candidate, high)) < high:
                if self._is_proven(candidate):
                    return candidate
                candidate += 1
            high, reach = low, reach * 8
        return 0

    def _is_proven(self, offset: int) -> bool:
        position = offset
        while position - offset <= _STORED_BLOCK_LIMIT and position < self._window.size:
            end = self._member_end(position)
            if end is None:
                return False
            position = end
        return True

    def _member_end(self, offset: int) -> int | None:
        whole = self._whole_member(offset)
        if whole is not None:
            return whole[1]
        stream = _MemberStream(self._window, offset)
        try:
            while stream.fill():
                stream.buffer.clear()
        except _BrokenMember:
            return None
        return stream.end

    def _whole_member(self, offset: int) -> tuple[bytes, int] | None:
        """Content and end of the member here, if the next magic is its end and it is of modest size."""
        limit = offset + _WHOLE_COMPRESSED
        end = self._window.find(MAGIC, offset + _SMALLEST_MEMBER, limit)
        if end < 0:
            if limit < self._window.size:
                return None
            end = self._window.size
        member = self._window.read(offset, end - offset)
        inflated = int.from_bytes(member[-4:], "little")
        if not member.startswith(MAGIC) or not 0 < inflated <= _WHOLE_INFLATED:
            return None
        try:
            # GzipReader checks the checksum but is silent about a missing end: the size tells.
            data = GzipReader(io.BytesIO(member), buffer_size=1 << 14).read(inflated + 1)
        except OSError:
            return None
        return (data, end) if len(data) == inflated else None

    def _whole_record(self, offset: int) -> tuple[Record, int] | None:
        whole = self._whole_member(offset)
        head = parse_head(whole[0]) if whole else None
        if whole is None or head is None:
            return None
        data, end = whole
        block_end = head.end + head.length
        if block_end > len(data) or data[block_end:].strip(b"\r\n"):
            return None
        block = data[head.end : block_end] if self._wants(head) else None
        return Record(offset, 0, head.type, head.header, head.length, block), end

    def _wants(self, head: RecordHead) -> bool:
        return head.type == b"response" and head.length <= self._block_limit

    def _careful(self, position: int) -> Generator[Record | Damage, None, int]:
        """Records from a member on until a member ends with a record; returns where the walk goes on."""
        stream = _MemberStream(self._window, position)
        while True:
            stream.header = b""
            try:
                stream.begin_record()
                if not stream.skip_line_ends():
                    return stream.end
                head = self._read_head(stream)
                block = self._read_block(stream, head)
                yield Record(*stream.begun, head.type, head.header, head.length, block)
            except _NoRecord as fault:
                skipped = self._skip_to_head(stream)
                if skipped is None:
                    resumes = self.next_record_start(stream.member + 1)
                    yield self._damage(stream, resumes, str(fault))
                    return resumes
                yield Damage(*stream.begun, stream.member, skipped, True, str(fault), stream.header)
            except _ShortRecord as fault:
                yield self._damage(stream, stream.end, str(fault))
                return stream.end
            except _BrokenMember as fault:
                resumes = self.next_record_start(stream.member + 1)
                yield self._damage(stream, resumes, str(fault))
                return resumes

    def _damage(self, stream: _MemberStream, resumes: int, reason: str) -> Damage:
        offset, ordinal = stream.begun
        return Damage(offset, ordinal, resumes, resumes - offset, False, reason, stream.header)

    def _read_head(self, stream: _MemberStream) -> RecordHead:
        while (head := parse_head(stream.buffer)) is None:
            start = bytes(stream.buffer[:5])
            if not b"WARC/".startswith(start) or len(stream.buffer) > HEADER_LIMIT or not stream.fill():
                raise _NoRecord("no WARC record header")
        stream.header = head.header
        del stream.buffer[: head.end]
        return head

    def _read_block(self, stream: _MemberStream, head: RecordHead) -> bytes | None:
        kept, missing, wanted = bytearray(), head.length, self._wants(head)
        while missing:
            if not stream.buffer and not stream.fill():
                if stream.end >= self._window.size or self.is_record_start(stream.end):
                    raise _ShortRecord(f"the record ends {missing} bytes before its Content-Length")
                stream.next_member()
                continue
            taken = min(missing, len(stream.buffer))
            if wanted:
                kept += memoryview(stream.buffer)[:taken]
            del stream.buffer[:taken]
            missing -= taken
        return bytes(kept) if wanted else None

    def _skip_to_head(self, stream: _MemberStream) -> int | None:
        """Move to the next record header inside the member; inflated bytes skipped, None if there is none."""
        skipped = 0
        searched = 1
        while True:
            found = stream.buffer.find(b"\nWARC/", searched - 1)
            while found >= 0:
                if parse_head(stream.buffer, found + 1) is not None:
                    del stream.buffer[: found + 1]
                    return skipped + found + 1
                found = stream.buffer.find(b"\nWARC/", found + 1)
            drop = max(0, len(stream.buffer) - HEADER_LIMIT)
            del stream.buffer[:drop]
            skipped += drop
            searched = max(1, len(stream.buffer) - _INPUT_BYTES)
            try:
                if not stream.fill():
                    return None
            except _BrokenMember:
                return None


class _BrokenMember(Exception):
    """The gzip stream itself is broken or cut off."""


class _NoRecord(Exception):
    """The gzip stream is intact, but what it holds here is no record."""


class _ShortRecord(Exception):
    """The file or the next record begins before the record's block is complete."""


class _MemberStream:
    """The content of a gzip member, inflated piece by piece: `end` is known when `fill` returned False."""

    def __init__(self, window: FileWindow, member: int) -> None:
        self._window = window
        self.buffer = bytearray()
        self.header = b""
        self.begun = (member, 0)
        self._open(member)

    def _open(self, member: int) -> None:
        self.member = self._input = member
        self.end = -1
        self._ordinal = 0
        self._inflate = zlib.decompressobj(31)

    def begin_record(self) -> None:
        """Name the record that begins here."""
        self.begun = (self.member, self._ordinal)
        self._ordinal += 1

    def next_member(self) -> None:
        """Go on with the member that follows; what is left of this one must have been taken."""
        self._open(self.end)

    def fill(self) -> bool:
        """Add bytes to the buffer; False at the member's end. Raises _BrokenMember."""
        if self.end >= 0:
            return False
        piece = self._inflate.unconsumed_tail
        if not piece:
            piece = self._window.read(self._input, _INPUT_BYTES)
            self._input += len(piece)
        try:
            inflated = self._inflate.decompress(piece, _OUTPUT_BYTES)
        except zlib.error as error:
            raise _BrokenMember("the gzip data is damaged") from error
        self.buffer += inflated
        if self._inflate.eof:
            self.end = self._input - len(self._inflate.unused_data)
        elif not piece and not inflated:
            raise _BrokenMember("the file is cut off")
        return True

    def skip_line_ends(self) -> bool:
        """Drop line ends before a record; False when nothing else is left of the member."""
        while True:
            blank = 0
            while blank < len(self.buffer) and self.buffer[blank] in b"\r\n":
                blank += 1
            del self.buffer[:blank]
            if self.buffer:
                return True
            if not self.fill():
                return False
