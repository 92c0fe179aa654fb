"""A path of a remote storage that answers to the methods of pathlib.Path, each request tried again where it may help.

What pathlib does with folders has no meaning on an object store: `mkdir` does nothing, a folder is there when
something lies in it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from upath.extensions import ProxyUPath

from pipeline.network import repeated
from pipeline.storage import open_ranges, read_bytes, remove_file


class RemotePath(ProxyUPath):
    """Made by pipeline.storage.location alone, so that this module loads where something is remote."""

    def open(self, mode: str = "r", buffering: int = -1, *args: Any, **options: Any) -> IO[Any]:  # type: ignore[override]
        if mode == "rb":
            return open_ranges(self._as_path(), buffering)
        if mode == "r":
            return io.StringIO(self.read_text(options.get("encoding") or "utf-8"))
        raise io.UnsupportedOperation(f"{self}: remote files are written whole, by pipeline.files")

    def read_bytes(self) -> bytes:
        return read_bytes(self._as_path())

    def read_text(self, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> str:
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        return repeated(super().stat, self._as_path())

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return self._type() is not None

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._type() == "file"

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._type() == "directory"

    def is_symlink(self) -> bool:
        return False

    def iterdir(self) -> Iterator[RemotePath]:
        return iter(repeated(lambda: list(super(RemotePath, self).iterdir()), self._as_path()))

    def unlink(self, missing_ok: bool = False) -> None:
        if not missing_ok and not self.exists():
            raise FileNotFoundError(str(self))
        remove_file(self._as_path())

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: folders come with what lies in them."""

    def absolute(self) -> RemotePath:
        return self

    def resolve(self, strict: bool = False) -> RemotePath:
        return self

    def _type(self) -> str | None:
        try:
            return repeated(lambda: self.fs.info(self.path), self._as_path())["type"]
        except FileNotFoundError:
            return None

    def _as_path(self) -> Path:
        return cast(Path, self)
