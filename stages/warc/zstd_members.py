"""Zstandard frames (RFC 8878) of a .warc.zst file, as the WARC-zstd specification wants them: one a record.

The file may begin with a skippable frame that holds the dictionary of all the others, itself compressed or not.
Other skippable frames (the seek table of the seekable format, say) are members without content.

A frame says the size of each of its blocks before the block, so its end is found without decompressing, and
what a block of at most 128 KiB unfolds to is bounded by the same 128 KiB.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import zstandard

from stages.warc.file_window import FileWindow
from stages.warc.member_stream import BrokenMember

_DICTIONARY_FRAME = 0x184D2A5D
_SKIPPABLE_FRAMES = range(0x184D2A50, 0x184D2A60)
_SKIPPABLE_HEADER = 8
_FRAME_HEADER_LIMIT = 18
_BLOCK_LIMIT = 1 << 17
_BLOCK_HEADER = 3
_CHECKSUM = 4
_WHOLE_COMPRESSED = 1 << 20
_WHOLE_BLOCKS = 128
#: More memory than this a frame (zstd --long=28 and up) or a dictionary may not ask for.
_WINDOW_LIMIT = 1 << 27
_DICTIONARY_LIMIT = 1 << 26
_DAMAGED = "the zstd data is damaged"
_CUT_OFF = "the file is cut off"


def is_skippable(beginning: bytes) -> bool:
    """Whether a skippable frame begins with these bytes."""
    return len(beginning) >= _CHECKSUM and int.from_bytes(beginning[:4], "little") in _SKIPPABLE_FRAMES


class ZstdMembers:
    """The frames of a zstd file, read with the dictionary that it begins with."""

    magic = b"\x28\xb5\x2f\xfd"
    stored_limit = _BLOCK_LIMIT

    def __init__(self, window: FileWindow) -> None:
        dictionary = zstandard.ZstdCompressionDict(_dictionary(window) or b"")
        self._decompressor = zstandard.ZstdDecompressor(dictionary, max_window_size=_WINDOW_LIMIT)

    def beginning(self, window: FileWindow, offset: int) -> bytes:
        """What the frame's first block with content holds."""
        try:
            return next((piece for piece in self.pieces(window, offset) if piece), b"")
        except BrokenMember:
            return b""

    def whole(self, window: FileWindow, offset: int) -> tuple[bytes, int] | None:
        """Content and end of the frame here, if it is intact and of modest size."""
        if window.read(offset, 4) != self.magic:
            return None
        try:
            frame = _Frame.at(window, offset)
            blocks, end = 0, offset + frame.header
            while end - offset <= _WHOLE_COMPRESSED and blocks < _WHOLE_BLOCKS:
                size, last = _block(window, end)
                blocks, end = blocks + 1, end + size
                if last:
                    end += frame.trailer
                    return self._decompressed(window.read(offset, end - offset)), end
        except (BrokenMember, zstandard.ZstdError):
            pass
        return None

    def _decompressed(self, frame: bytes) -> bytes:
        content_size = zstandard.frame_content_size(frame)
        if 0 <= content_size <= _WHOLE_BLOCKS * _BLOCK_LIMIT:
            return self._decompressor.decompress(frame)
        stream = self._decompressor.decompressobj()
        data = stream.decompress(frame)
        if not stream.eof:
            raise BrokenMember(_CUT_OFF)
        return data

    def pieces(self, window: FileWindow, offset: int) -> Generator[bytes, None, int]:
        """The content in pieces of at most 128 KiB."""
        beginning = window.read(offset, _SKIPPABLE_HEADER)
        if is_skippable(beginning):
            end = offset + _SKIPPABLE_HEADER + int.from_bytes(beginning[4:], "little")
            if len(beginning) < _SKIPPABLE_HEADER or end > window.size:
                raise BrokenMember(_CUT_OFF)
            return end
        frame = _Frame.at(window, offset)
        stream = self._decompressor.decompressobj()
        fed, end, last = offset, offset + frame.header, False
        try:
            while not last:
                size, last = _block(window, end)
                end += size + (frame.trailer if last else 0)
                block = window.read(fed, end - fed)
                if len(block) < end - fed:
                    raise BrokenMember(_CUT_OFF)
                yield stream.decompress(block)
                fed = end
        except zstandard.ZstdError as error:
            raise BrokenMember(_DAMAGED) from error
        if not stream.eof:
            raise BrokenMember(_DAMAGED)
        return end


class _Frame(NamedTuple):
    """Bytes of a frame's header, and of the checksum behind its last block."""

    header: int
    trailer: int

    @classmethod
    def at(cls, window: FileWindow, offset: int) -> _Frame:
        """The frame that begins here. Raises BrokenMember."""
        start = window.read(offset, _FRAME_HEADER_LIMIT)
        if not start.startswith(ZstdMembers.magic):
            raise BrokenMember(_DAMAGED)
        try:
            parameters = zstandard.get_frame_parameters(start)
            header = zstandard.frame_header_size(start)
        except zstandard.ZstdError as error:
            raise BrokenMember(_DAMAGED if len(start) == _FRAME_HEADER_LIMIT else _CUT_OFF) from error
        if parameters.window_size > _WINDOW_LIMIT:
            raise BrokenMember(f"the zstd frame needs a window of {parameters.window_size >> 20} MiB, more than 128")
        return cls(header, _CHECKSUM if parameters.has_checksum else 0)


def _block(window: FileWindow, offset: int) -> tuple[int, bool]:
    """Bytes of the block here with its header, and whether it is the last (RFC 8878, section 3.1.1.2)."""
    header = window.read(offset, _BLOCK_HEADER)
    if len(header) < _BLOCK_HEADER:
        raise BrokenMember(_CUT_OFF)
    fields = int.from_bytes(header, "little")
    last, kind, size = fields & 1, fields >> 1 & 3, fields >> 3
    if kind == 3 or size > _BLOCK_LIMIT:
        raise BrokenMember(_DAMAGED)
    return _BLOCK_HEADER + (1 if kind == 1 else size), bool(last)


def _dictionary(window: FileWindow) -> bytes | None:
    """The dictionary in the file's first frame; None where there is none or it cannot be read.

    What needs a dictionary that is not there is damaged: the walk says so.
    """
    start = window.read(0, _SKIPPABLE_HEADER)
    size = int.from_bytes(start[4:], "little")
    if int.from_bytes(start[:4], "little") != _DICTIONARY_FRAME or size > _DICTIONARY_LIMIT:
        return None
    dictionary = window.read(_SKIPPABLE_HEADER, size)
    if not dictionary.startswith(ZstdMembers.magic):
        return dictionary
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
    try:
        dictionary = decompressor.stream_reader(dictionary).read(_DICTIONARY_LIMIT + 1)
    except zstandard.ZstdError:
        return None
    return dictionary if len(dictionary) <= _DICTIONARY_LIMIT else None
