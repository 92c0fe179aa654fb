"""Opening a WARC or ARC file: what it is by its content, by its name where its beginning is damaged.

One clear line when it is something else. A file of zero bytes, as a crawler that was stopped leaves, or one in
which no record can be found any more, is no reason to end the others: it is damage.
"""

from __future__ import annotations

from collections.abc import Iterator

from stages.base import StageError
from stages.sources.rows import EMPTY_FILE
from stages.warc.arc import ARC, FIRST_RECORD
from stages.warc.compressed_archive import CompressedArchive
from stages.warc.file_window import FileWindow
from stages.warc.gzip_members import GzipMembers
from stages.warc.member_stream import BrokenMember, MemberFormat
from stages.warc.plain_archive import PlainArchive
from stages.warc.records import WARC, Damage, RecordFormat, Wanted
from stages.warc.zstd_members import ZstdMembers, is_skippable

_MAGIC_BYTES = 9


class EmptyArchive:
    """A file of zero bytes: one span of damage without length."""

    def events(self, start: int, end: int) -> Iterator[Damage]:
        """The damage, whatever the range: there is only one of an empty file."""
        yield Damage(0, 0, 0, 0, False, EMPTY_FILE, b"")

    def events_at(self, offset: int) -> Iterator[Damage]:
        """What begins at `offset`."""
        return self.events(offset, offset)


def open_archive(window: FileWindow, wanted: Wanted) -> CompressedArchive | PlainArchive | EmptyArchive:
    """The reader for the file's content; StageError where it is intact but holds no record."""
    if window.size == 0:
        return EmptyArchive()
    by_content = _members(window, window.read(0, _MAGIC_BYTES))
    records = _records(window, by_content)
    archive = _archive(window, by_content, records, wanted)
    if archive.next_record_start(0) < window.size:
        return archive
    # What follows a damaged beginning is looked for as what the name promises.
    by_name = _archive(window, _members_by_name(window), records, wanted)
    if by_name.next_record_start(0) < window.size:
        return by_name
    if _is_damaged(window, by_content, records):
        return archive
    raise StageError(f"{window.path}: {_diagnosis(records)}")


def _archive(
    window: FileWindow, members: MemberFormat | None, records: RecordFormat, wanted: Wanted
) -> CompressedArchive | PlainArchive:
    return CompressedArchive(window, members, records, wanted) if members else PlainArchive(window, records, wanted)


def _records(window: FileWindow, members: MemberFormat | None) -> RecordFormat:
    is_arc = _beginning(window, members).startswith(FIRST_RECORD)
    return ARC if is_arc or window.path.name.lower().endswith((".arc", ".arc.gz")) else WARC


def _beginning(window: FileWindow, members: MemberFormat | None) -> bytes:
    return members.beginning(window, 0) if members else window.read(0, _MAGIC_BYTES)


def _members(window: FileWindow, start: bytes) -> MemberFormat | None:
    """The format of a compressed file's members; None for a plain file."""
    if start.startswith(GzipMembers.magic):
        return GzipMembers()
    if start.startswith(ZstdMembers.magic) or is_skippable(start):
        return ZstdMembers(window)
    return None


def _members_by_name(window: FileWindow) -> MemberFormat | None:
    name = window.path.name.lower()
    return GzipMembers() if name.endswith(".gz") else ZstdMembers(window) if name.endswith(".zst") else None


def _is_damaged(window: FileWindow, members: MemberFormat | None, records: RecordFormat) -> bool:
    """Whether a file without a whole record header has lost it: a header is cut off, or its first member is broken."""
    beginning = _beginning(window, members)
    if beginning and records.is_cut_off(beginning):
        return True
    if members is None:
        return False
    try:
        for _ in members.pieces(window, 0):
            pass
    except BrokenMember:
        return True
    return False


def _diagnosis(records: RecordFormat) -> str:
    if records is ARC:
        return "is not an ARC file: it holds no record that starts with a URL, an address and a date"
    return "is not a WARC file: it holds no record that starts with WARC/"
