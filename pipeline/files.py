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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from pipeline.faults import fault_point
from pipeline.scratch import scratch_folder
from pipeline.storage import is_remote, read_bytes, upload, write_bytes

TEMPORARY_PREFIX = ".tmp-"
_SYNCED_AT_ONCE = 8
#: Errors that only writing has, which the system reports without saying where.
_OF_WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


@contextmanager
def atomic_path(target: Path, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside `target` that replaces it when the block ends without an error.

    A block that leaves nothing at the temporary path leaves `target` as it is. What is not `durable`
    (a marker that only says what goes on now) is not synced to the disk. Errors of a full or read-only disk name
    `target`: of several files open at once the one opened last.
    """
    with AtomicFiles() as files, files.path(target, durable) as temporary:
        yield temporary


class AtomicFiles:
    """Files that all get their names when the block ends without an error.

    So the disk is waited for twice and not twice a file: the durable ones are synced at the same time, then all are
    renamed in the order in which they were finished, then the folders of durable ones are synced, of which the first
    takes the others along.
    """

    def __init__(self) -> None:
        #: Temporary path and target of each file, and the targets of those that are synced.
        self._written: list[tuple[Path, Path]] = []
        self._durable: set[Path] = set()

    def __enter__(self) -> AtomicFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._name_all()
        finally:
            for temporary, _ in self._written:
                with suppress(FileNotFoundError):
                    temporary.unlink()

    @contextmanager
    def path(self, target: Path, durable: bool = True) -> Iterator[Path]:
        """A temporary path for `target`, to be written before the block of this ends; synced if it is `durable`."""
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
            with _errors_naming(temporary, target):
                yield temporary
        except BaseException:
            with suppress(FileNotFoundError):
                temporary.unlink()
            raise
        if temporary.exists():
            self._written.append((temporary, target))
            if durable:
                self._durable.add(target)

    def _name_all(self) -> None:
        _sync_together([(temporary, target) for temporary, target in self._written if target in self._durable])
        for temporary, target in self._written:
            with _errors_naming(temporary, target):
                fault_point("before_rename")
                temporary.replace(target)
                fault_point("after_rename")
        for folder, target in {target.parent: target for target in self._durable}.items():
            with _errors_naming(folder, target):
                _sync(folder)


@contextmanager
def _errors_naming(path: Path, target: Path) -> Iterator[None]:
    """Let errors of writing that name no file, or `path`, name `target`."""
    try:
        yield
    except OSError as error:
        nameless = error.filename is None and error.errno in _OF_WRITING
        if error.errno is not None and (nameless or error.filename == str(path)):
            raise OSError(error.errno, os.strerror(error.errno), str(target)) from error
        raise


def _sync_together(written: list[tuple[Path, Path]]) -> None:
    """Sync the temporary files, a few at the same time: a disk takes about as long for several as for one."""

    def sync(pair: tuple[Path, Path]) -> None:
        with _errors_naming(*pair):
            _sync(pair[0])

    if len(written) < 2:
        for pair in written:
            sync(pair)
        return
    with ThreadPoolExecutor(min(len(written), _SYNCED_AT_ONCE)) as threads:
        list(threads.map(sync, written))


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
