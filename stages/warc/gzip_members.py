"""Gzip members (RFC 1952) of a .warc.gz or .arc.gz file.

FastWARC's reader inflates what lies between one magic and the next, which as a rule is one member; zlib's
bounded stream does the rest.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Generator

from fastwarc.stream_io import GzipReader

from stages.warc.file_window import FileWindow
from stages.warc.member_stream import BrokenMember

#: Header and trailer of a member: nothing shorter is one.
_SMALLEST_MEMBER = 18
_WHOLE_COMPRESSED = 1 << 20
_WHOLE_INFLATED = 16 << 20
_BEGINNING_BYTES = 1 << 13
_INPUT_BYTES = 1 << 16
_OUTPUT_BYTES = 1 << 18
_GZIP = 31


class GzipMembers:
    """The members of a gzip file."""

    magic = b"\x1f\x8b\x08"
    #: A stored block (RFC 1951, section 3.2.4).
    stored_limit = 65_535

    def beginning(self, window: FileWindow, offset: int) -> bytes:
        """What the first 8 KiB of the member hold."""
        try:
            return zlib.decompressobj(_GZIP).decompress(window.read(offset, _BEGINNING_BYTES), _OUTPUT_BYTES)
        except zlib.error:
            return b""

    def whole(self, window: FileWindow, offset: int) -> tuple[bytes, int] | None:
        """Content and end of the member here, if the next magic is its end and it is of modest size."""
        limit = offset + _WHOLE_COMPRESSED
        end = window.find(self.magic, offset + _SMALLEST_MEMBER, limit)
        if end < 0:
            if limit < window.size:
                return None
            end = window.size
        member = window.read(offset, end - offset)
        inflated = int.from_bytes(member[-4:], "little")
        if not member.startswith(self.magic) or not 0 < inflated <= _WHOLE_INFLATED:
            return None
        try:
            # GzipReader checks the checksum but is silent about a missing end: the size tells.
            data = GzipReader(io.BytesIO(member), buffer_size=1 << 14).read(inflated + 1)
        except OSError:
            return None
        return (data, end) if len(data) == inflated else None

    def pieces(self, window: FileWindow, offset: int) -> Generator[bytes, None, int]:
        """The content in pieces of at most 256 KiB."""
        inflate = zlib.decompressobj(_GZIP)
        while not inflate.eof:
            piece = inflate.unconsumed_tail
            if not piece:
                piece = window.read(offset, _INPUT_BYTES)
                offset += len(piece)
            try:
                inflated = inflate.decompress(piece, _OUTPUT_BYTES)
            except zlib.error as error:
                raise BrokenMember("the gzip data is damaged") from error
            if not piece and not inflated:
                raise BrokenMember("the file is cut off")
            yield inflated
        return offset - len(inflate.unused_data)
