"""Whether files are what their manifest says, each gone through once by a process however many phases read it.

A file that this process wrote or checked counts as the same while its size, its time of change and its inode are.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pipeline.files import file_sha256


class _State(NamedTuple):
    sha256: str
    bytes: int
    changed: int
    inode: int


_known: dict[Path, _State] = {}


def is_intact(path: Path, sha256: str) -> bool:
    """Whether a local file has this checksum. FileNotFoundError where there is none."""
    state = _state(path, sha256)
    if _known.get(path) == state:
        return True
    if file_sha256(path) != sha256:
        return False
    _known[path] = state
    return True


def note_written(temporary: Path, target: Path, sha256: str) -> None:
    """Say that a file of this checksum is about to be renamed to `target`."""
    _known[target] = _state(temporary, sha256)


def _state(path: Path, sha256: str) -> _State:
    found = path.stat()
    return _State(sha256, found.st_size, found.st_mtime_ns, found.st_ino)
