"""Lines of plain and compressed files as bytes with their offsets, in bounded memory and past damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from stages.sources.byte_stream import DamagedStream, is_compressed, open_pieces, read_content, wide_encoding
from stages.sources.rows import EMPTY_FILE

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Bytes of lines that are given at once, so that they stay near the processor.
_BLOCK = 1 << 21


class Line(NamedTuple):
    """A line without its end. `content` is None where it is over the limit, or damaged (with `fault`)."""

    offset: int
    content: bytes | None
    length: int
    fault: str | None = None


class Block(NamedTuple):
    """Whole lines with their ends, the last of a file perhaps without; the first begins at `offset`."""

    offset: int
    content: bytes


def read_lines(path: Path, start: int, end: int | None, limit: int) -> Iterator[Line]:
    """The lines of `read_blocks`, one by one."""
    for block in read_blocks(path, start, end, limit):
        if isinstance(block, Line):
            yield block
            continue
        place, lines = 0, block.content.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for line in lines:
            yield line_at(block, place, place + len(line), limit)
            place += len(line) + 1


def read_blocks(path: Path, start: int, end: int | None, limit: int) -> Iterator[Block | Line]:
    """Lines that begin in [start, end), in uncompressed bytes; `end` None is the end of the file.

    They come many at a time. Alone come lines longer than `limit` bytes, without content, where they do not fit into
    a block. Where a compressed file is damaged, what comes before is given, then one line with `fault`; a file of
    zero bytes and one in UTF-16 are such a line, the first. StageError where the content is not what the name says.
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
        for block in _blocks(open_pieces(stream, path, offset), offset, limit):
            if end is not None and block.offset >= end:
                return
            if isinstance(block, Block):
                block = _within(block, start, end)
                if block.content:
                    yield block
            elif block.offset >= start:
                yield block


def line_at(block: Block, begin: int, end: int, limit: int) -> Line:
    """The line between two places of a block. A byte order mark is no part of the first line of a file."""
    offset = block.offset + begin
    if end - begin > limit:
        return Line(offset, None, end - begin)
    line = Line(offset, block.content[begin:end], end - begin)
    return _without_mark(line) if offset == 0 else line


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


def _within(block: Block, start: int, end: int | None) -> Block:
    """The lines of a block that begin in [start, end)."""
    offset, content = block
    if end is not None and offset + len(content) > end:
        # The last line goes up to the first line end from the range's last byte on.
        content = content[: content.find(b"\n", end - 1 - offset) + 1 or None]
    if offset < start:
        cut = content.find(b"\n", start - 1 - offset) + 1 or len(content)
        return Block(offset + cut, content[cut:])
    return Block(offset, content)


def _blocks(pieces: Iterator[bytes], offset: int, limit: int) -> Iterator[Block | Line]:
    """All lines from the first piece on. What is held is a block, a line within the limit and a piece at most."""
    held: list[bytes] = []
    size, whole = 0, 0  # bytes held, and of them bytes of whole lines
    forgotten = False  # whether of an endless line only its size is known
    try:
        for piece in pieces:
            if forgotten:
                first, newline, rest = piece.partition(b"\n")
                size += len(first)
                if not newline:
                    continue
                yield Line(offset, None, size)
                offset, size, forgotten, piece = offset + size + 1, 0, False, rest
            held.append(piece)
            cut = piece.rfind(b"\n") + 1
            whole = size + cut if cut else whole
            size += len(piece)
            if cut and size >= _BLOCK:
                yield Block(offset, b"".join([*held[:-1], memoryview(piece)[:cut]]))
                held = [piece[cut:]]
                offset, size, whole = offset + whole, size - whole, 0
            elif size - whole > limit:
                if whole:
                    yield Block(offset, b"".join(held)[:whole])
                held, forgotten = [], True
                offset, size, whole = offset + whole, size - whole, 0
    except DamagedStream as damage:
        if whole:
            yield Block(offset, b"".join(held)[:whole])
        yield Line(offset + whole, None, size - whole, str(damage))
        return
    if size:
        yield Line(offset, None, size) if forgotten else Block(offset, b"".join(held))
