"""Lines of plain and compressed files as bytes with their offsets, in bounded memory and past damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from stages.sources.byte_stream import DamagedStream, is_compressed, open_pieces, read_content, wide_encoding
from stages.sources.rows import EMPTY_FILE

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line without its end. `content` is None where it is over the limit, or damaged (with `fault`)."""

    offset: int
    content: bytes | None
    length: int
    fault: str | None = None


def read_lines(path: Path, start: int, end: int | None, limit: int) -> Iterator[Line]:
    """Lines that begin in [start, end), in uncompressed bytes; `end` None is the end of the file.

    A byte order mark is no part of the first line. Lines longer than `limit` bytes come without content. Where a
    compressed file is damaged, what comes before is given, then one line with `fault`; a file of zero bytes and one
    in UTF-16 are such a line, the first. StageError where the content is not what the name says.
    """
    size = path.stat().st_size
    if size == 0:
        if start == 0:
            yield Line(0, None, 0, EMPTY_FILE)
        return
    with path.open("rb") as stream:
        encoding = _wide_encoding(stream, path)
        if encoding is not None:
            if start == 0:
                yield Line(0, None, size, f"the file is in {encoding}; convert it to UTF-8")
            return
        offset = 0 if is_compressed(path.name) else max(start - 1, 0)
        for line in _split(open_pieces(stream, path, offset), offset, limit):
            if end is not None and line.offset >= end:
                return
            if line.offset >= start:
                yield _without_mark(line) if line.offset == 0 else line


def read_as_line(path: Path, limit: int) -> Line:
    """A whole file as if it were one line, without its byte order mark."""
    if path.stat().st_size == 0:
        return Line(0, None, 0, EMPTY_FILE)
    data, length, fault = read_content(path, limit)
    encoding = wide_encoding(data) if data else None
    if encoding is not None:
        return Line(0, None, length, f"the file is in {encoding}; convert it to UTF-8")
    return _without_mark(Line(0, data, length, fault))


def is_blank(line: Line) -> bool:
    """Whether the line holds white space at most."""
    return line.content is not None and (not line.content or line.content.isspace())


def _wide_encoding(stream: IO[bytes], path: Path) -> str | None:
    try:
        return wide_encoding(next(open_pieces(stream, path, 0), b""))
    except DamagedStream:
        return None


def _without_mark(line: Line) -> Line:
    return line._replace(content=line.content.removeprefix(BYTE_ORDER_MARK)) if line.content else line


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
    except DamagedStream as damage:
        yield Line(offset, None, held, str(damage))
        return
    if held:
        yield Line(offset, b"".join(parts) if held <= limit else None, held)
