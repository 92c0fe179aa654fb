"""Opening a WARC file: what it is by its content, and one clear line when it is something else.

A file of zero bytes, as a crawler that was stopped leaves, is no reason to end the others: it is damage.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from stages.base import StageError
from stages.sources.rows import EMPTY_FILE
from stages.warc.file_window import FileWindow
from stages.warc.gzip_archive import MAGIC, GzipArchive
from stages.warc.plain_archive import PlainArchive
from stages.warc.records import Damage

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class EmptyArchive:
    """A file of zero bytes: one span of damage without length."""

    def events(self, start: int, end: int) -> Iterator[Damage]:
        """The damage, whatever the range: there is only one of an empty file."""
        yield Damage(0, 0, 0, 0, False, EMPTY_FILE, b"")

    def events_at(self, offset: int) -> Iterator[Damage]:
        """What begins at `offset`."""
        return self.events(offset, offset)


def open_archive(window: FileWindow, block_limit: int) -> GzipArchive | PlainArchive | EmptyArchive:
    """The reader for the file's content, whatever its name ends in. StageError where it holds no record."""
    if window.size == 0:
        return EmptyArchive()
    start = window.read(0, 1 << 13)
    archive: GzipArchive | PlainArchive
    if start.startswith(MAGIC):
        archive = GzipArchive(window, block_limit)
        start = _inflated(start)
    else:
        archive = PlainArchive(window, block_limit)
    if archive.next_record_start(0) < window.size:
        return archive
    raise StageError(f"{window.path}: {_diagnosis(start)}")


def _inflated(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(start, 1 << 13)
    except zlib.error:
        return b""


def _diagnosis(start: bytes) -> str:
    if start.startswith(b"filedesc:"):
        return "is an ARC file, the format before WARC; convert it first (for example with warcio recompress)"
    if start.startswith(_ZSTD_MAGIC):
        return "is compressed with zstd; recompress it with gzip, one member per record"
    return "is not a WARC file: it holds no record that starts with WARC/"
