"""Compile numba kernels with an on-disk cache that notices edits in any file that a kernel is made of.

numba's own cache is keyed by the file a function stands in, so an edit of a helper in another file leaves
stale machine code behind. Here the cache directory of a file's kernels is named by the hash of that file and of
all files of our packages that it imports, and those import, whose code and constants kernels freeze. An edit
compiles anew what it touches and nothing else. By convention numba code lives in files named `*_kernel.py`.

What a first run on a machine spends compiling is announced and counted, so that nobody takes it for a standstill or
for the speed of a stage.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("tokenizer", "stages", "shards")
_IMPORT = re.compile(r"^(?:from|import) ([\w.]+)(?: import (\([^)]*\)|[^\n]*))?", re.MULTILINE)

#: Wall seconds that this process has spent compiling, and how deep in it is: kernels compile those they call.
_compiling = {"seconds": 0.0, "since": 0.0, "depth": 0}
#: Who waits to be told that this process compiles.
_listeners: list[Callable[[], None]] = []


@cache
def _base() -> Path:
    base = Path(os.environ.get("CORPUSMILL_CACHE") or Path.home() / ".cache" / "corpusmill")
    return base / "numba"


@cache
def _folder(source: Path) -> Path:
    """Where the machine code of a file's kernels lies."""
    digest = hashlib.sha256(importlib.metadata.version("numba").encode())
    for file in sorted(_with_all_imported(source)):
        digest.update(file.relative_to(_ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return _base() / digest.hexdigest()[:16]


def _with_all_imported(source: Path) -> set[Path]:
    found, waiting = set(), [source]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file)
    return found


@cache
def _imported(source: Path) -> list[Path]:
    """The files of our packages that a file imports at its top level."""
    files = []
    for module, names in _IMPORT.findall(source.read_text("utf-8")):
        if module.split(".")[0] in _PACKAGES:
            place = _ROOT.joinpath(*module.split("."))
            modules = [place, *(place / name for name in re.findall(r"\w+", names))]
            files += [file for name in modules for file in (name.with_suffix(".py"),) if file.is_file()]
    return files


@contextmanager
def announcing(tell: Callable[[], None]) -> Iterator[None]:
    """While the block runs, call `tell` once, when kernels begin to be compiled."""
    _listeners.append(tell)
    try:
        yield
    finally:
        if tell in _listeners:
            _listeners.remove(tell)


def announce_compiling() -> None:
    """Tell those who want to know that kernels are being compiled, here or in a process that works for this one."""
    while _listeners:
        _listeners.pop()()


def seconds_compiling() -> float:
    """Wall seconds that this process has spent compiling; loading from the cache is not among them."""
    under_way = time.perf_counter() - _compiling["since"] if _compiling["depth"] else 0.0
    return _compiling["seconds"] + under_way


@cache
def _start_clock() -> None:
    from numba.core import event

    class Clock(event.Listener):
        """Counts the time in which numba compiles, whatever compiles what."""

        def on_start(self, event: Any) -> None:
            if not _compiling["depth"]:
                _compiling["since"] = time.perf_counter()
                announce_compiling()
            _compiling["depth"] += 1

        def on_end(self, event: Any) -> None:
            _compiling["depth"] -= 1
            if not _compiling["depth"]:
                _compiling["seconds"] += time.perf_counter() - _compiling["since"]

    event.register("numba:compile", Clock())


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` by numba on first call (nopython, GIL released) and keep the machine code.

    It may fill arrays that it is given but make none: numba then counts no references, which at every call
    of an inner function cost more than many an inner function does (measured: words split four times as fast).
    """
    return _compiled(function, _nrt=False)


def inlined_kernel(function: Callable[..., Any]) -> Any:
    """As kernel, for a small inner function: compiled into its callers, since passing an array is seven arguments."""
    return _compiled(function, _nrt=False, forceinline=True)


def allocating_kernel(function: Callable[..., Any]) -> Any:
    """As kernel, for a function that makes arrays or returns a tuple of them; keep hot loops out of it."""
    return _compiled(function)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    import numba

    _start_clock()
    vars(numba.config)["CACHE_DIR"] = str(_folder(Path(function.__code__.co_filename).resolve()))
    return numba.njit(cache=True, nogil=True, **options)(function)
