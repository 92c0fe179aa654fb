"""Lines of plain and compressed files as bytes with their offsets, in bounded memory and past damage."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import zstandard

from stages.base import StageError

_PIECE = 1 << 16
_PLAIN_PIECE = 1 << 20
#: zstd gives nothing of a piece in which it finds damage, so pieces are small.
_ZSTD_PIECE = 1 << 10
_ZSTD_WINDOW = 1 << 31
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18")


class Line(NamedTuple):
    """A line without its end. `content` is None where it is over the limit, or damaged (with `fault`)."""

    offset: int
    content: bytes | None
    length: int
    fault: str | None = None


class _DamagedStream(Exception):
    """The compressed stream cannot be read further."""


def is_compressed(name: str) -> bool:
    """Whether a file of this name is read as compressed by `read_lines`."""
    return name.endswith((".gz", ".zst"))


def read_lines(path: Path, start: int, end: int | None, limit: int) -> Iterator[Line]:
    """Lines that begin in [start, end), in uncompressed bytes; `end` None is the end of the file.

    Lines longer than `limit` bytes come without content. Where a compressed file is damaged, what comes
    before is given, then one line with `fault`. StageError where the content is not what the name says.
    """
    with path.open("rb") as stream:
        pieces = _pieces(stream, path, start)
        offset = max(start - 1, 0) if not is_compressed(path.name) else 0
        for line in _split(pieces, offset, limit):
            if end is not None and line.offset >= end:
                return
            if line.offset >= start:
                yield line


def _split(pieces: Iterator[bytes], offset: int, limit: int) -> Iterator[Line]:
    parts: list[bytes] = []
    held = 0
    try:
        for piece in pieces:
            first, *rest = piece.split(b"\n")
            held += len(first)
            if held <= limit:
                parts.append(first)
            if not rest:
                continue
            yield Line(offset, b"".join(parts) if held <= limit else None, held)
            offset += held + 1
            for content in rest[:-1]:
                yield Line(offset, content if len(content) <= limit else None, len(content))
                offset += len(content) + 1
            parts, held = [rest[-1]], len(rest[-1])
    except _DamagedStream as damage:
        yield Line(offset, None, held, str(damage))
        return
    if held:
        yield Line(offset, b"".join(parts) if held <= limit else None, held)


def _pieces(stream: IO[bytes], path: Path, start: int) -> Iterator[bytes]:
    magic = stream.read(4)
    stream.seek(0)
    if path.name.endswith(".gz"):
        if not magic.startswith(_GZIP_MAGIC):
            raise StageError(f"{path}: is not compressed with gzip as its name says")
        return _inflated(stream)
    if path.name.endswith(".zst"):
        if not magic.startswith(_ZSTD_MAGIC[0]) and magic[1:] != _ZSTD_MAGIC[1][1:]:
            raise StageError(f"{path}: is not compressed with zstd as its name says")
        return _unpacked(stream)
    if magic.startswith((_GZIP_MAGIC, _ZSTD_MAGIC[0])):
        raise StageError(f"{path}: is compressed; let its name end in .gz or .zst")
    stream.seek(max(start - 1, 0))
    return iter(lambda: stream.read(_PLAIN_PIECE), b"")


def _inflated(stream: IO[bytes]) -> Iterator[bytes]:
    rest = stream.read(_PIECE)
    while rest:
        inflate = zlib.decompressobj(31)
        while not inflate.eof:
            if not rest:
                raise _DamagedStream("the gzip file is cut off")
            before = inflate.copy()
            try:
                yield inflate.decompress(rest)
            except zlib.error as error:
                yield from _up_to_damage(before, rest)
                raise _DamagedStream(f"the gzip data is damaged: {error}") from error
            rest = inflate.unused_data or stream.read(_PIECE)
        rest = rest.lstrip(b"\0")


def _up_to_damage(inflate: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    for position in range(len(piece)):
        try:
            yield inflate.decompress(piece[position : position + 1])
        except zlib.error:
            return


def _unpacked(stream: IO[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    rest = stream.read(_ZSTD_PIECE)
    while rest:
        frame = decompressor.decompressobj()
        while not frame.eof:
            if not rest:
                raise _DamagedStream("the zstd file is cut off")
            try:
                yield frame.decompress(rest)
            except zstandard.ZstdError as error:
                raise _DamagedStream(f"the zstd data is damaged: {error}") from error
            rest = frame.unused_data or stream.read(_ZSTD_PIECE)
