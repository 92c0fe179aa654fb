"""What sources of WARC files have in common: ranges of bytes, and a row of each record of some types.

Records of other types are no rows; they are counted by type. A span of the file that cannot be read is one quarantined
row with its length in bytes, and reading goes on behind it. So is a file of zero bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from stages.base import InputFile, Source, SourceBatch, Split
from stages.warc.archive import open_archive
from stages.warc.file_window import FileWindow
from stages.warc.records import Damage, Record, Wanted, field_of

if TYPE_CHECKING:
    from stages.sources.rows import Place, RowCollector


#: Of WARC/1.1 (section 6), and `filedesc` for the first record of an ARC file.
_KNOWN_TYPES = frozenset(
    b"warcinfo response resource request metadata revisit conversion continuation filedesc".split()
)


class ArchiveSource(Source):
    """A source that makes a row of each record of its type, by `_add_record`."""

    #: The WARC-Type that is read, in lower case.
    record_type: ClassVar[bytes]

    source: str
    max_record_bytes: int

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """Equal ranges of about `target_bytes`; a range owns the records that begin in it."""
        count = max(1, round(file.size / target_bytes))
        bounds = [file.size * at // count for at in range(count + 1)]
        return [Split(file.name, start, end, end - start) for start, end in pairwise(bounds)]

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the rows of the records that begin in the range."""
        rows = self._collector(split.file, batch_bytes)
        with FileWindow(path) as window:
            for event in open_archive(window, self._wanted()).events(split.start, split.end):
                self._add(event, rows)
                if rows.full:
                    yield rows.take()
        yield rows.take()

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of rows of the range, damaged spans among them, counted no further than `limit`."""
        types = self._row_types()
        with FileWindow(path) as window:
            events = open_archive(window, Wanted(frozenset(), 0)).events(split.start, split.end)
            found = (event for event in events if isinstance(event, Damage) or event.type in types)
            return sum(1 for _ in islice(found, limit))

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read the record whose member (or, in a plain file, which itself) begins at `offset`."""
        rows = self._collector(file.name, self.max_record_bytes)
        with FileWindow(file.path) as window:
            for event in open_archive(window, self._wanted()).events_at(offset):
                if (event.offset, event.ordinal) == (offset, ordinal):
                    self._add(event, rows)
                    break
        return rows.take()

    def _row_types(self) -> frozenset[bytes]:
        """The types of the records that are rows."""
        return frozenset([self.record_type])

    def _wanted(self) -> Wanted:
        return Wanted(frozenset([self.record_type]), self.max_record_bytes)

    def _collector(self, file: str, batch_bytes: int) -> RowCollector:
        from stages.sources.rows import RowCollector

        return RowCollector(file, self.source, self.output_schema(), batch_bytes)

    def _add(self, event: Record | Damage, rows: RowCollector) -> None:
        if isinstance(event, Damage):
            unit = "inflated_bytes" if event.inflated else "bytes"
            error = f"damaged: {event.reason}" if event.length else event.reason
            rows.quarantine(place_of(event), error, {unit: event.length})
        elif event.type in self._row_types():
            self._add_record(event, rows)
        else:
            rows.count(f"{event.type.decode() if event.type in _KNOWN_TYPES else 'unknown'}_records")

    def _add_record(self, record: Record, rows: RowCollector) -> None:
        """Make a row of a record, whose block is None where it is larger than `max_record_bytes`."""
        raise NotImplementedError


def place_of(event: Record | Damage) -> Place:
    """Where a record or a damaged span lies, with what its header says of it."""
    from stages.sources.rows import Place, milliseconds

    header, lower = event.header, event.header.lower()

    def text(name: bytes) -> str | None:
        value = field_of(header, lower, name)
        return value.decode("utf-8", "replace") if value else None

    url = text(b"warc-target-uri")
    if url and url.startswith("<") and url.endswith(">"):
        url = url[1:-1]
    return Place(event.offset, event.ordinal, text(b"warc-record-id"), url, milliseconds(text(b"warc-date")))
