"""Local disk for what passes between remote storages and tasks: in $TMPDIR, gone with the process that made it.

What a killed process left is removed by the next one on the machine, which knows it by a lock that nobody holds.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

PREFIX = "corpusmill-"
LOCK = ".lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder, deleted when the block ends."""
    with scratch_directory() as folder:
        yield Path(folder)


def scratch_directory() -> tempfile.TemporaryDirectory[str]:
    """An empty folder, deleted when nothing refers to it any more."""
    return tempfile.TemporaryDirectory(dir=process_folder(), ignore_cleanup_errors=True)


def process_folder() -> Path:
    """This process's folder, which goes when it ends."""
    return _folder_of(os.getpid())


@cache
def _folder_of(process: int) -> Path:
    """The folder is locked for as long as the process lives."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{process}-"))
    descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _remove_abandoned(temporary: Path) -> None:
    for lock in temporary.glob(f"{PREFIX}*/{LOCK}"):
        try:
            with lock.open("r+") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue
