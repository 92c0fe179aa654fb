"""Undoing content and transfer encodings of HTTP bodies (RFC 9110 section 8.4, RFC 9112 section 7).

Crawlers store bodies encoded, decoded under headers that still claim an encoding, and cut short. So each
encoding is tried: what decodes is decoded, a cut stream gives the part before the cut, a body that is
plainly text already is taken as it is, and only bytes that are neither are refused. Output is bounded,
so a small record cannot unfold into gigabytes.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator

import brotli
import zstandard

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_CONTROL_BYTES = bytes(set(range(32)) - set(b"\0\t\n\f\r\x1b"))
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_GZIP_OR_ZLIB = 47
_RAW_DEFLATE = -15
_ZSTD_WINDOW = 1 << 27
#: Input is fed in pieces because a decoder gives nothing of the piece that it finds damage in.
_PIECE = 1 << 10
#: A zstd block unfolds to at most 128 KiB from as little as 4 bytes, and there is no other bound on output.
_ZSTD_PIECE = 1 << 8
_OUTPUT = 1 << 18


class BodyError(Exception):
    """A body that cannot be used; the message says why."""


def decode_body(body: bytes, encodings: list[str], limit: int) -> bytes:
    """Undo `encodings`, given in the order they were applied, with at most about `limit` bytes of output."""
    for encoding in reversed(encodings):
        if not body:
            break
        if encoding == "chunked":
            body = _join_chunks(body)
        elif encoding in _DECODERS:
            body = _decode(body, encoding, limit)
    return body


def looks_like_text(body: bytes) -> bool:
    """Whether the first kilobyte holds no control bytes that text does not have (NUL is left to UTF-16)."""
    start = body[:1024]
    return start.startswith(_BYTE_ORDER_MARKS) or len(start.translate(None, _CONTROL_BYTES)) == len(start)


def _join_chunks(body: bytes) -> bytes:
    pieces: list[bytes] = []
    position = 0
    while size := _CHUNK_SIZE.match(body, position):
        begin, length = size.end(), int(size[1], 16)
        if length == 0:
            return b"".join(pieces)
        piece = body[begin : begin + length]
        position = begin + length
        line_end = body[position : position + 2]
        complete = line_end[:1] == b"\n" or line_end == b"\r\n"
        if len(piece) == length and line_end and not complete and not b"\r\n".startswith(line_end):
            break
        pieces.append(piece)
        position += 1 if line_end[:1] == b"\n" else 2
    # A body that does not even begin with a chunk was stored decoded; after that, what came is a prefix.
    return b"".join(pieces) if pieces else body


def _decode(body: bytes, encoding: str, limit: int) -> bytes:
    decoded, complete = _DECODERS[encoding](body, limit)
    if len(decoded) > limit:
        raise BodyError(f"the decoded body is larger than {limit} bytes")
    if complete or (decoded and not looks_like_text(body)):
        return decoded
    if looks_like_text(body):
        return body
    raise BodyError(f"the body cannot be decoded as {encoding}, which its header claims")


def _collect(pieces: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    """Output up to a little over `limit`, and whether the stream came to its end without a fault."""
    output = bytearray()
    try:
        for piece in pieces:
            output += piece
            if len(output) > limit:
                break
    except (zlib.error, brotli.error, zstandard.ZstdError, EOFError):
        return bytes(output), False
    return bytes(output), True


def _inflate(body: bytes, window_bits: int) -> Iterator[bytes]:
    while body:
        stream = zlib.decompressobj(window_bits)
        position = 0
        while not stream.eof:
            piece = stream.unconsumed_tail
            if not piece:
                piece = body[position : position + _PIECE]
                position += len(piece)
                if not piece:
                    raise EOFError
            yield stream.decompress(piece, _OUTPUT)
        body = stream.unused_data + body[position:]
        if not body.startswith(b"\x1f\x8b"):
            return


def _gunzip(body: bytes, limit: int) -> tuple[bytes, bool]:
    return _collect(_inflate(body, _GZIP_OR_ZLIB), limit)


def _deflate(body: bytes, limit: int) -> tuple[bytes, bool]:
    output, complete = _gunzip(body, limit)
    return (output, complete) if output else _collect(_inflate(body, _RAW_DEFLATE), limit)


def _unbrotli(body: bytes, limit: int) -> tuple[bytes, bool]:
    def pieces() -> Iterator[bytes]:
        stream = brotli.Decompressor()
        position = 0
        while not stream.is_finished():
            piece = b""
            if stream.can_accept_more_data():
                piece = body[position : position + _PIECE]
                position += len(piece)
                if not piece:
                    raise EOFError
            yield stream.process(piece, output_buffer_limit=_OUTPUT)

    return _collect(pieces(), limit)


def _unzstd(body: bytes, limit: int) -> tuple[bytes, bool]:
    def pieces() -> Iterator[bytes]:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        rest = body
        while rest:
            stream = decompressor.decompressobj()
            position = 0
            while not stream.eof:
                piece = rest[position : position + _ZSTD_PIECE]
                position += len(piece)
                if not piece:
                    raise EOFError
                yield stream.decompress(piece)
            rest = stream.unused_data + rest[position:]

    return _collect(pieces(), limit)


_DECODERS: dict[str, Callable[[bytes, int], tuple[bytes, bool]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _deflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
