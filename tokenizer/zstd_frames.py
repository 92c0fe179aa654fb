"""Read .zst files whole: every frame in turn, and an error where the last one is cut off.

zstandard's own stream reader ends without a word at a cut frame, and after the first of several frames
(as pzstd and `cat` make them).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Each piece is unpacked at once, at worst to 32,768 times its size. In bytes.
_PIECE = 1 << 13

#: What `zstd --long=31` makes.
_LARGEST_WINDOW = 1 << 31


def open_zstd(path: Path) -> IO[bytes]:
    """The unpacked bytes of `path`. Reading raises EOFError where a frame is cut off, OSError where it is damaged."""
    return io.BufferedReader(_Frames(path), 1 << 20)


class _Frames(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        self._stream = path.open("rb")
        self._pieces = _unpacked(self._stream)
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._ready:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._ready = memoryview(piece)
        target = memoryview(buffer)
        size = min(len(target), len(self._ready))
        target[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


def _unpacked(stream: IO[bytes]) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
    rest = stream.read(_PIECE)
    while rest:
        frame = decompressor.decompressobj()
        while not frame.eof:
            if not rest:
                raise EOFError("the last zstd frame is cut off")
            try:
                yield frame.decompress(rest)
            except zstandard.ZstdError as error:
                raise OSError(str(error)) from error
            rest = frame.unused_data or stream.read(_PIECE)
