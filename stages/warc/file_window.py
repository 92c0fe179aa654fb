"""Positioned reads of a file through one block kept in memory."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType


class FileWindow:
    """A file of `size` bytes, read at any offset; neighbouring reads are served from one block."""

    def __init__(self, path: Path, block_bytes: int = 1 << 20) -> None:
        self.path = path
        # A remote file reads ahead by itself; before a local one a second buffer would only copy.
        self._file = path.open("rb", buffering=0) if isinstance(path, Path) else path.open("rb")
        self.size = path.stat().st_size
        self._block_bytes = block_bytes
        self._start = 0
        self._block = b""

    def __enter__(self) -> FileWindow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, offset: int, length: int) -> bytes:
        """The bytes [offset, offset + length), fewer where the file ends."""
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        if offset < self._start or offset + length > self._start + len(self._block):
            self._load(offset, max(length, self._block_bytes))
        begin = offset - self._start
        return self._block[begin : begin + length]

    def find(self, pattern: bytes, start: int, stop: int) -> int:
        """Offset of the first `pattern` that begins in [start, stop), or -1."""
        overlap = len(pattern) - 1
        stop = min(stop, self.size)
        while start < stop:
            held = self._start + len(self._block)
            if not self._start <= start < held - overlap:
                self._load(start, self._block_bytes)
                held = self._start + len(self._block)
            end = min(held, stop + overlap)
            found = self._block.find(pattern, start - self._start, end - self._start)
            if found >= 0:
                return self._start + found
            if held >= self.size:
                return -1
            start = max(end - overlap, start + 1)
        return -1

    def _load(self, offset: int, length: int) -> None:
        self._file.seek(offset)
        pieces: list[bytes] = []
        while length > 0 and (piece := self._file.read(length)):
            pieces.append(piece)
            length -= len(piece)
        self._start, self._block = offset, pieces[0] if len(pieces) == 1 else b"".join(pieces)
