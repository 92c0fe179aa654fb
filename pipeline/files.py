"""Files that are either whole or absent: write to a temporary name, fsync, rename, fsync the folder."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.errors import RunError
from pipeline.faults import fault_point

TEMPORARY_PREFIX = ".tmp-"
#: Errors that only writing has, which the system reports without saying where.
_OF_WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


@contextmanager
def atomic_path(target: Path, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside `target` that replaces it when the block ends without an error.

    A block that leaves nothing at the temporary path leaves `target` as it is. What is not `durable`
    (a marker that only says what goes on now) is not synced to the disk. Errors of a full or read-only disk name
    `target`: of several files open at once the one opened last.
    """
    if not target.parent.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(4)}-{target.name}")
    try:
        yield temporary
        if not temporary.exists():
            return
        if durable:
            _sync(temporary)
        fault_point("before_rename")
        temporary.replace(target)
        fault_point("after_rename")
        if durable:
            _sync(target.parent)
    except OSError as error:
        nameless = error.filename is None and error.errno in _OF_WRITING
        if error.errno is not None and (nameless or error.filename == str(temporary)):
            raise OSError(error.errno, os.strerror(error.errno), str(target)) from error
        raise
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_json(target: Path, value: Any, durable: bool = True) -> None:
    """Write `value` atomically with sorted keys, so that equal values give equal bytes."""
    with atomic_path(target, durable) as temporary:
        temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", "utf-8")


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove_temporary_files(folder: Path) -> None:
    """Delete what a killed writer left behind; call only while nothing else writes below `folder`."""
    for path in list(folder.rglob(f"{TEMPORARY_PREFIX}*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def driver_lock(run: Path) -> Iterator[None]:
    """Hold the run directory's advisory lock; a second driver is told of the first and stops."""
    run.mkdir(parents=True, exist_ok=True)
    with (run / ".driver.lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            raise RunError(
                f"{run}: another driver ({holder}) works on this run; wait for it or stop it first"
            ) from None
        stream.truncate(0)
        with suppress(OSError):  # On a full disk the lock holds, only its holder is not told.
            os.write(stream.fileno(), f"process {os.getpid()} on {os.uname().nodename}".encode())
        yield


def driver_is_alive(run: Path) -> bool:
    """Whether some process holds the run's driver lock at this moment (on this machine)."""
    lock = run / ".driver.lock"
    if not lock.exists():
        return False
    with lock.open("r+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
