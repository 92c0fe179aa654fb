"""A file that was checked is not believed again once somebody touched it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pipeline.intact import is_intact, note_written


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_checked_file_that_changes_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(b"first")
    assert is_intact(path, sha256(b"first"))
    assert is_intact(path, sha256(b"first"))
    assert not is_intact(path, sha256(b"other"))
    path.write_bytes(b"First")
    os.utime(path, (0, 0))  # the clock of a file system may stand still for milliseconds
    assert not is_intact(path, sha256(b"first"))
    path.unlink()
    with pytest.raises(FileNotFoundError):
        is_intact(path, sha256(b"first"))


def test_a_file_put_in_the_place_of_a_written_one_is_damaged(tmp_path: Path) -> None:
    temporary, target, other = (tmp_path / name for name in ("temporary", "target", "other"))
    temporary.write_bytes(b"first")
    note_written(temporary, target, sha256(b"first"))
    temporary.replace(target)
    assert is_intact(target, sha256(b"first"))
    other.write_bytes(b"First")
    other.replace(target)
    assert not is_intact(target, sha256(b"first"))
