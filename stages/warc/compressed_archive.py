"""Finding records in a compressed WARC or ARC file, from any byte on, and past damage.

Such a file is a chain of members (gzip members or zstd frames), as a rule one per record, and a record is named
by the offset of the member that it begins in. The walk follows the chain. What looks like a member with one
whole record in it is decompressed at once; everything else (several records in a member, a member with no
record, records of many megabytes, damage) goes through a bounded stream that knows where members end.
FastWARC's own record iterator is not used because it does not tell that, gives wrong offsets to the second
record of a member, and stops at damage and at empty members.

A reader that starts in the middle must find members that the walk from the start of the file would find.
A member's magic whose content starts with a record header may be part of an archived archive that was
stored without compressing. But a format stores only so many bytes in one piece (`stored_limit`), so a chain
of intact members that is longer, or ends exactly at the end of the file, is no part of one.
`_start_before` looks backwards for such a chain and the walk goes on from there, so any cut of a file gives
the records of the uncut file.

Cost: decompressing once, and for every range about one to three stored limits of compressed bytes before it;
all that comes before it where members are cut regardless of records (bgzip, zstd's seekable format).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from stages.warc.file_window import FileWindow
from stages.warc.member_stream import BrokenMember, MemberFormat, MemberStream
from stages.warc.records import HEADER_LIMIT, Damage, Record, RecordFormat, RecordHead, Wanted, owns

#: How much of a member without record headers is kept while the next header is looked for.
_SEARCH_OVERLAP = 1 << 16
_REREADS = 64
_REREAD_BYTES = 1 << 26


class CompressedArchive:
    """A compressed file of records. Only the blocks that are wanted are kept in them."""

    def __init__(self, window: FileWindow, members: MemberFormat, records: RecordFormat, wanted: Wanted) -> None:
        self._window = window
        self._members = members
        self._records = records
        self._wanted = wanted

    def events(self, start: int, end: int) -> Iterator[Record | Damage]:
        """Records whose member begins in [start, end), and damaged spans that end there."""
        size = self._window.size
        if start > 0 and end < size and not self._has_member(start, end):
            return
        for event in self._walk(self._start_before(start), end):
            if owns(event, start, end, size):
                yield event

    def events_at(self, offset: int) -> Iterator[Record | Damage]:
        """What begins in the member at `offset`."""
        start = offset if self.is_record_start(offset) else self._start_before(offset)
        return (event for event in self._walk(start, offset + 1) if event.offset == offset)

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
        while (start := self._window.find(self._members.magic, start, end)) >= 0:
            if self.is_record_start(start):
                return start
            start += 1
        return end

    def _has_member(self, start: int, end: int) -> bool:
        """Whether anything in [start, end) may be the beginning of a member: one large member has none inside."""
        while (start := self._window.find(self._members.magic, start, end)) >= 0:
            if self._members.beginning(self._window, start):
                return True
            start += 1
        return False

    def is_record_start(self, offset: int) -> bool:
        """Whether a member with a record header begins here; its end is not looked at."""
        beginning = self._members.beginning(self._window, offset)
        return bool(beginning) and (self._records.parse(beginning) is not None or self._records.is_cut_off(beginning))

    def _start_before(self, start: int) -> int:
        reach, high = 2 * self._members.stored_limit, start + 1
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
        while position - offset <= self._members.stored_limit and position < self._window.size:
            end = self._member_end(position)
            if end is None:
                return False
            position = end
        return True

    def _member_end(self, offset: int) -> int | None:
        whole = self._members.whole(self._window, offset)
        if whole is not None:
            return whole[1]
        stream = MemberStream(self._window, self._members, offset)
        try:
            while stream.fill():
                stream.buffer.clear()
        except BrokenMember:
            return None
        return stream.end

    def _whole_record(self, offset: int) -> tuple[Record, int] | None:
        whole = self._members.whole(self._window, offset)
        head = self._records.parse(whole[0]) if whole else None
        if whole is None or head is None:
            return None
        data, end = whole
        block_end = head.end + head.length
        if block_end > len(data) or data[block_end:].strip(b"\r\n"):
            return None
        block = data[head.end : block_end] if self._wanted.includes(head) else None
        return Record(offset, 0, head.type, head.header, head.length, block), end

    def _careful(self, position: int) -> Generator[Record | Damage, None, int]:
        """Records from a member on until a member ends with a record; returns where the walk goes on."""
        stream = MemberStream(self._window, self._members, position)
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
                behind = self._head_behind(stream)
                if behind is None:
                    yield self._damage(stream, stream.end, str(fault))
                    return stream.end
                length = behind.position - stream.record_start
                yield Damage(*stream.begun, stream.member, length, True, str(fault), stream.header)
                stream = behind
            except BrokenMember as fault:
                resumes = self.next_record_start(stream.member + 1)
                yield self._damage(stream, resumes, str(fault))
                return resumes

    def _damage(self, stream: MemberStream, resumes: int, reason: str) -> Damage:
        offset, ordinal = stream.begun
        if stream.member == offset and stream.record_start and stream.end == resumes:
            length = stream.position - stream.record_start
            return Damage(offset, ordinal, resumes, length, True, reason, stream.header)
        return Damage(offset, ordinal, resumes, resumes - offset, False, reason, stream.header)

    def _read_head(self, stream: MemberStream) -> RecordHead:
        while (head := self._records.parse(stream.buffer)) is None:
            if not self._records.is_cut_off(stream.buffer):
                raise _NoRecord(f"no {self._records.name} record header")
            if not stream.fill():
                if stream.end >= self._window.size or self.is_record_start(stream.end):
                    raise _NoRecord("the record header is cut off")
                stream.next_member()
        stream.header = head.header
        stream.drop(head.end)
        stream.block_start = stream.position
        return head

    def _read_block(self, stream: MemberStream, head: RecordHead) -> bytes | None:
        kept, missing, wanted = bytearray(), head.length, self._wanted.includes(head)
        while missing:
            if not stream.buffer and not stream.fill():
                if stream.end >= self._window.size or self.is_record_start(stream.end):
                    raise _ShortRecord(f"the record ends {missing} bytes before its {self._records.length_name}")
                stream.next_member()
                continue
            taken = min(missing, len(stream.buffer))
            if wanted:
                kept += memoryview(stream.buffer)[:taken]
            stream.drop(taken)
            missing -= taken
        return bytes(kept) if wanted else None

    def _head_behind(self, stream: MemberStream) -> MemberStream | None:
        """A stream at the next record of the member in which a record with too large a length began, if there is one.

        The member is decompressed anew, so this is done for few records of members that are not too large.
        """
        begun_in, _ = stream.begun
        if stream.member != begun_in or stream.position > _REREAD_BYTES or stream.rereads == _REREADS:
            return None
        again = MemberStream(self._window, self._members, stream.member, stream.rereads + 1)
        again.follow(stream)
        while again.position < stream.block_start:
            if not again.buffer:
                again.fill()
            again.drop(min(len(again.buffer), stream.block_start - again.position))
        return again if self._skip_to_head(again) is not None else None

    def _skip_to_head(self, stream: MemberStream) -> int | None:
        """Move to the next record header inside the member; inflated bytes skipped, None if there is none."""
        skipped = 0
        searched = 1
        while True:
            found = self._records.find(stream.buffer, searched)
            if found >= 0:
                stream.drop(found)
                return skipped + found
            drop = max(0, len(stream.buffer) - HEADER_LIMIT)
            stream.drop(drop)
            skipped += drop
            searched = max(1, len(stream.buffer) - _SEARCH_OVERLAP)
            try:
                if not stream.fill():
                    return None
            except BrokenMember:
                return None


class _NoRecord(Exception):
    """The compressed data is intact, but what it holds here is no record."""


class _ShortRecord(Exception):
    """The file or the next record begins before the record's block is complete."""
