"""Bytes of plain and compressed files, in pieces and in bounded memory, up to where a file is damaged.

The name says how a file is compressed (.gz, .zst, .bz2) and its first bytes must agree. Several members, frames
or streams in one file are read one after another. No piece is larger than some 64 MB whatever it expands to.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import zstandard

from stages.base import StageError

_PIECE = 1 << 16
_PLAIN_PIECE = 1 << 20
#: A block of 4 bytes may unpack to 128 KiB, and decompressobj gives all of a piece at once.
_ZSTD_PIECE = 1 << 10
_ZSTD_WINDOW = 1 << 31
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2"}
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"
_WIDE_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class DamagedStream(Exception):
    """The compressed stream cannot be read further."""


class Content(NamedTuple):
    """All bytes of a file, uncompressed; None with a reason where they cannot be had. `length` as far as known."""

    data: bytes | None
    length: int
    fault: str | None = None


def with_compressions(*suffixes: str) -> tuple[str, ...]:
    """File name endings, each followed by its compressed forms."""
    return tuple(suffix + ending for suffix in suffixes for ending in ("", *_COMPRESSIONS))


def is_compressed(name: str) -> bool:
    """Whether a file of this name is read as compressed."""
    return name.lower().endswith(tuple(_COMPRESSIONS))


def open_pieces(stream: IO[bytes], path: Path, start: int) -> Iterator[bytes]:
    """The file's bytes from `start` on; a compressed file's from its beginning, uncompressed.

    DamagedStream where a compressed file is damaged, after all that comes before. StageError where the content
    is not what the name says.
    """
    stream.seek(0)
    found = _compression_of(stream.read(4))
    stream.seek(0)
    expected = next((kind for ending, kind in _COMPRESSIONS.items() if path.name.lower().endswith(ending)), None)
    if expected is None:
        if found in ("gzip", "zstd"):
            ending = next(ending for ending, kind in _COMPRESSIONS.items() if kind == found)
            raise StageError(f"{path}: is compressed with {found}; let its name end in {ending}")
        stream.seek(start)
        return iter(lambda: stream.read(_PLAIN_PIECE), b"")
    if found != expected:
        raise StageError(f"{path}: is not compressed with {expected} as its name says")
    return {"gzip": _from_gzip, "zstd": _from_zstd, "bzip2": _from_bzip2}[expected](stream)


def read_content(path: Path, limit: int) -> Content:
    """A whole file, if it is no larger than `limit` bytes; a compressed one is unpacked no further."""
    size = path.stat().st_size
    if size > limit and not is_compressed(path.name):
        return Content(None, size)
    parts: list[bytes] = []
    length = 0
    with path.open("rb") as stream:
        try:
            for piece in open_pieces(stream, path, 0):
                length += len(piece)
                if length > limit:
                    return Content(None, length)
                parts.append(piece)
        except DamagedStream as damage:
            return Content(None, length, str(damage))
    return Content(b"".join(parts), length)


def wide_encoding(start: bytes) -> str | None:
    """UTF-16 or UTF-32 if that is what the first bytes of a text are in, by its mark or its NUL bytes."""
    for mark, encoding in _WIDE_MARKS.items():
        if start.startswith(mark):
            return encoding
    zeros = [byte == 0 for byte in start[:4]]
    if zeros in ([True, True, True, False], [False, True, True, True]):
        return "UTF-32"
    return "UTF-16" if zeros in ([True, False, True, False], [False, True, False, True]) else None


def _compression_of(start: bytes) -> str | None:
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"\x28\xb5\x2f\xfd") or start[1:4] == _ZSTD_SKIPPABLE:
        return "zstd"
    return "bzip2" if start.startswith(b"BZh") else None


def _from_gzip(stream: IO[bytes]) -> Iterator[bytes]:
    rest = stream.read(_PIECE)
    while rest:
        inflate = zlib.decompressobj(31)
        while not inflate.eof:
            if not rest:
                raise DamagedStream("the gzip file is cut off")
            before = inflate.copy()
            try:
                yield inflate.decompress(rest)
            except zlib.error as error:
                yield from _up_to_gzip_damage(before, rest)
                raise DamagedStream(f"the gzip data is damaged: {error}") from error
            rest = inflate.unused_data or stream.read(_PIECE)
        rest = rest.lstrip(b"\0")


def _up_to_gzip_damage(inflate: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    for position in range(len(piece)):
        try:
            yield inflate.decompress(piece[position : position + 1])
        except zlib.error:
            return


def _from_zstd(stream: IO[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    rest = stream.read(_ZSTD_PIECE)
    while rest:
        begin, fed = stream.tell() - len(rest), 0
        frame = decompressor.decompressobj()
        while not frame.eof:
            if not rest:
                raise DamagedStream("the zstd file is cut off")
            try:
                yield frame.decompress(rest)
            except zstandard.ZstdError as error:
                yield from _up_to_zstd_damage(stream, begin, fed, rest)
                raise DamagedStream(f"the zstd data is damaged: {error}") from error
            fed += len(rest)
            rest = frame.unused_data or stream.read(_ZSTD_PIECE)


def _up_to_zstd_damage(stream: IO[bytes], begin: int, fed: int, piece: bytes) -> Iterator[bytes]:
    """What the piece with the damage holds before it; its frame, which begins at `begin`, is read again."""
    stream.seek(begin)
    frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    while fed:
        before = stream.read(min(fed, _ZSTD_PIECE))
        frame.decompress(before)
        fed -= len(before)
    for position in range(len(piece)):
        try:
            yield frame.decompress(piece[position : position + 1])
        except zstandard.ZstdError:
            return


def _from_bzip2(stream: IO[bytes]) -> Iterator[bytes]:
    rest = stream.read(_PIECE)
    while rest:
        begin, given = stream.tell() - len(rest), 0
        expand = bz2.BZ2Decompressor()
        while not expand.eof:
            if expand.needs_input and not rest:
                raise DamagedStream("the bzip2 file is cut off")
            try:
                piece = expand.decompress(rest, _PIECE)
            except OSError as error:
                yield from _up_to_bzip2_damage(stream, begin, given)
                raise DamagedStream("the bzip2 data is damaged") from error
            given += len(piece)
            yield piece
            rest = expand.unused_data or (stream.read(_PIECE) if expand.needs_input or expand.eof else b"")


def _up_to_bzip2_damage(stream: IO[bytes], begin: int, given: int) -> Iterator[bytes]:
    """What the damaged stream that begins at `begin` holds after its first `given` bytes; it is read again."""
    stream.seek(begin)
    expand = bz2.BZ2Decompressor()
    done = 0
    while True:
        fed = stream.read(_PIECE) if expand.needs_input else b""
        if expand.needs_input and not fed:
            return
        try:
            piece = expand.decompress(fed, min(_PIECE, given - done) or 1)
        except OSError:
            return
        if done >= given:
            yield piece
        done += len(piece)
