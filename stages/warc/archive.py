"""Opening a WARC file: what it is by its content, and one clear line when it is something else."""

from __future__ import annotations

import zlib

from stages.base import StageError
from stages.warc.file_window import FileWindow
from stages.warc.gzip_archive import MAGIC, GzipArchive
from stages.warc.plain_archive import PlainArchive

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def open_archive(window: FileWindow, block_limit: int) -> GzipArchive | PlainArchive:
    """The reader for the file's content, whatever its name ends in. StageError where it holds no record."""
    if window.size == 0:
        raise StageError(f"{window.path}: is empty; a WARC file holds at least one record")
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
