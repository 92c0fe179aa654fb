"""Finding records in an uncompressed WARC or ARC file.

A record's block may itself be a WARC file of any size, so what looks like a record is one only if the
chain of lengths from the start of the file leads to it. A range therefore hops from header to
header through what lies before it, without reading blocks: some 10 microseconds a record.

After damage the walk goes on at the next line that starts a record header.
"""

from __future__ import annotations

from collections.abc import Iterator

from stages.warc.file_window import FileWindow
from stages.warc.records import HEADER_LIMIT, Damage, Record, RecordFormat, RecordHead, Wanted, owns

_HEAD_BYTES = 1 << 12


class PlainArchive:
    """An uncompressed file of records. Only the blocks that are wanted are kept in them."""

    def __init__(self, window: FileWindow, records: RecordFormat, wanted: Wanted) -> None:
        self._window = window
        self._records = records
        self._wanted = wanted

    def events(self, start: int, end: int) -> Iterator[Record | Damage]:
        """Records that begin in [start, end), and damaged spans that end there."""
        for event in self._walk(0, start, end):
            if owns(event, start, end, self._window.size):
                yield event

    def events_at(self, offset: int) -> Iterator[Record | Damage]:
        """What begins at `offset`."""
        return self._walk(offset, offset, offset + 1)

    def next_record_start(self, start: int, end: int | None = None) -> int:
        """Offset of the first line in [start, end) that starts a record header, or `end`."""
        end = self._window.size if end is None else end
        if start == 0 and self._head(0):
            return 0
        start = max(start - 1, 0)
        while (start := self._window.find(self._records.line_start, start, end - 1)) >= 0:
            if self._head(start + 1):
                return start + 1
            start += 1
        return end

    def _walk(self, position: int, keep_from: int, stop: int) -> Iterator[Record | Damage]:
        size = self._window.size
        position = self._skip_line_ends(position)
        while position < min(stop, size):
            head = self._head(position)
            if head is None:
                reason = f"no {self._records.name} record header"
                resumes = self.next_record_start(position + 1)
                yield Damage(position, 0, resumes, resumes - position, False, reason, b"")
                position = resumes
                continue
            block_start, block_end = position + head.end, position + head.end + head.length
            if block_end > size:
                reason = f"the record ends {block_end - size} bytes before its {self._records.length_name}"
                resumes = self.next_record_start(block_start)
                yield Damage(position, 0, resumes, resumes - position, False, reason, head.header)
                position = resumes
                continue
            wanted = position >= keep_from and self._wanted.includes(head)
            block = self._window.read(block_start, head.length) if wanted else None
            yield Record(position, 0, head.type, head.header, head.length, block)
            position = self._skip_line_ends(block_end)

    def _head(self, position: int) -> RecordHead | None:
        reach = _HEAD_BYTES
        while True:
            data = self._window.read(position, reach)
            head = self._records.parse(data)
            if head or not self._records.is_cut_off(data) or len(data) < reach or reach >= HEADER_LIMIT:
                return head
            reach *= 4

    def _skip_line_ends(self, position: int) -> int:
        while self._window.read(position, 1) in (b"\r", b"\n"):
            position += 1
        return position
