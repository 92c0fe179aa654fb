"""The advisory lock of a run directory: a second driver is told of the first.

On a disk it is a `flock`, which ends with its process. On a remote storage it is a lease: a file that its holder
renews; one not renewed for EXPIRES seconds, or whose process is known to be gone, is nobody's. Two drivers
that take an expired lease within the same second are told apart by reading it back; a lease is advisory all the same.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from pipeline.errors import RunError
from pipeline.processes import known_to_be_gone
from pipeline.storage import is_remote, read_bytes, remove_file, write_bytes

LOCK_NAME = ".driver.lock"
#: How often, and at what distance, a held lock is tried.
LOOKS, LOOK_SECONDS = 20, 0.05
RENEWED_EVERY = 15.0
EXPIRES = 90.0


@contextmanager
def driver_lock(run: Path) -> Iterator[None]:
    """Hold the run directory's lock. RunError names another driver that holds it."""
    with _leased(run / LOCK_NAME, run) if is_remote(run) else _locked(run / LOCK_NAME, run):
        yield


def driver_is_alive(run: Path) -> bool:
    """Whether some process holds the run's lock: one of this machine, or of any where the run directory is remote."""
    lock = run / LOCK_NAME
    if is_remote(run):
        lease = _read_lease(lock)
        return lease is not None and _is_held(lease)
    try:
        with lock.open("rb") as stream:
            # Shared, so that those who only look never meet each other.
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (FileNotFoundError, PermissionError):
        pass
    return False


@contextmanager
def _locked(lock: Path, run: Path) -> Iterator[None]:
    run.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as stream:
        if not _take(stream):
            stream.seek(0)
            raise _another(run, stream.read().strip() or "unknown")
        stream.truncate(0)
        with suppress(OSError):  # On a full disk the lock holds, only its holder is not told.
            os.write(stream.fileno(), _this_process().encode())
        yield


def _take(stream: IO[str]) -> bool:
    """Take the lock, with patience for those who only look whether it is held, and hold it for a moment."""
    for _ in range(LOOKS):
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(LOOK_SECONDS)
    return False


@contextmanager
def _leased(lock: Path, run: Path) -> Iterator[None]:
    found = _read_lease(lock)
    if found is not None and _is_held(found):
        raise _another(run, f"{found['holder']}, {time.time() - found['renewed']:.0f} s ago")
    token = secrets.token_hex(8)
    _renew(lock, token)
    back = _read_lease(lock)
    if back is None or back["token"] != token:
        raise _another(run, back["holder"] if back else "unknown")
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(RENEWED_EVERY):
            try:
                _renew(lock, token)
            except (RunError, OSError):
                continue

    thread = threading.Thread(target=keep, daemon=True, name="corpusmill-lease")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        remove_file(lock)


def _renew(lock: Path, token: str) -> None:
    lease = {"holder": _this_process(), "host": os.uname().nodename, "pid": os.getpid(), "token": token}
    write_bytes(lock, json.dumps({**lease, "renewed": time.time()}).encode())


def _read_lease(lock: Path) -> dict[str, Any] | None:
    try:
        lease = json.loads(read_bytes(lock))
        return lease if {"holder", "host", "pid", "token", "renewed"} <= set(lease) else None
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _is_held(lease: dict[str, Any]) -> bool:
    return not known_to_be_gone(lease["host"], lease["pid"]) and time.time() - lease["renewed"] < EXPIRES


def _this_process() -> str:
    return f"process {os.getpid()} on {os.uname().nodename}"


def _another(run: Path, holder: str) -> RunError:
    return RunError(f"{run}: another driver ({holder}) works on this run; wait for it or stop it first")
