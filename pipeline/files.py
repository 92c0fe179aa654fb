"""Files that are either whole or absent: write to a temporary name, fsync, rename, fsync the folder.

On a remote storage the temporary file lies on a local disk, and is uploaded.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.faults import fault_point
from pipeline.scratch import scratch_folder
from pipeline.storage import is_remote, read_bytes, upload, write_bytes

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
    if is_remote(target):
        with scratch_folder() as folder:
            temporary = folder / target.name
            yield temporary
            if temporary.exists():
                fault_point("before_rename")
                upload(temporary, target)
                fault_point("after_rename")
        return
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
    text = json.dumps(value, indent=1, sort_keys=True) + "\n"
    if is_remote(target):
        fault_point("before_rename")
        write_bytes(target, text.encode())
        fault_point("after_rename")
        return
    with atomic_path(target, durable) as temporary:
        temporary.write_text(text, "utf-8")


def append_text(target: Path, text: str) -> None:
    """Add to the end of a small file that one process writes, as the log of a task is."""
    if is_remote(target):
        try:
            before = read_bytes(target)
        except FileNotFoundError:
            before = b""
        write_bytes(target, before + text.encode())
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("a", encoding="utf-8") as stream:
        stream.write(text)


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove_temporary_files(folder: Path) -> None:
    """Delete what a killed writer left behind; call only while nothing else writes below `folder`."""
    if is_remote(folder):
        return
    for path in list(folder.rglob(f"{TEMPORARY_PREFIX}*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
