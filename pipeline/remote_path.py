"""A path of a remote storage that answers to the methods of pathlib.Path, and reads in ranges tried again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any, cast

from upath.extensions import ProxyUPath

from pipeline.storage import open_ranges, read_bytes


class RemotePath(ProxyUPath):
    """Made by pipeline.storage.location alone, so that this module loads where something is remote."""

    def open(self, mode: str = "r", *args: Any, **options: Any) -> IO[Any]:  # type: ignore[override]
        path = cast(Path, self)
        if mode == "rb":
            return open_ranges(path)
        if mode == "r":
            return io.StringIO(self.read_text(options.get("encoding") or "utf-8"))
        raise io.UnsupportedOperation(f"{self}: remote files are written whole, by pipeline.files")

    def read_bytes(self) -> bytes:
        return read_bytes(cast(Path, self))

    def read_text(self, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> str:
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def absolute(self) -> RemotePath:
        return self

    def resolve(self, strict: bool = False) -> RemotePath:
        return self
