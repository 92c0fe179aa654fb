"""Compile numba kernels with an on-disk cache that notices edits in any kernel file.

numba's own cache is keyed by the file a function stands in, so an edit of a helper in another file leaves
stale machine code behind. Here the cache directory is named by the hash of every `*_kernel.py` file of
our packages, and of every `*_table.py`, whose constants kernels freeze. By convention numba code lives in files
named `*_kernel.py` and nowhere else.

What a first run on a machine spends compiling is counted, so that nobody takes it for the speed of a stage.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("tokenizer", "stages", "shards")


#: Wall seconds that this process has spent compiling, and how deep in it is: kernels compile those they call.
_compiling = {"seconds": 0.0, "since": 0.0, "depth": 0}


@cache
def _folder() -> Path:
    """Where the machine code of these sources lies."""
    digest = hashlib.sha256(importlib.metadata.version("numba").encode())
    for package in _PACKAGES:
        for file in sorted(path for end in ("kernel", "table") for path in (_ROOT / package).rglob(f"*_{end}.py")):
            digest.update(file.relative_to(_ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    base = Path(os.environ.get("CORPUSMILL_CACHE") or Path.home() / ".cache" / "corpusmill")
    return base / "numba" / digest.hexdigest()[:16]


def nothing_compiled() -> bool:
    """Whether no kernel of this version has been compiled on this machine yet."""
    return not _folder().is_dir()


def seconds_compiling() -> float:
    """Wall seconds that this process has spent compiling; loading from the cache is not among them."""
    under_way = time.perf_counter() - _compiling["since"] if _compiling["depth"] else 0.0
    return _compiling["seconds"] + under_way


@cache
def _configure() -> None:
    import numba
    from numba.core import event

    class Clock(event.Listener):
        """Counts the time in which numba compiles, whatever compiles what."""

        def on_start(self, event: Any) -> None:
            if not _compiling["depth"]:
                _compiling["since"] = time.perf_counter()
            _compiling["depth"] += 1

        def on_end(self, event: Any) -> None:
            _compiling["depth"] -= 1
            if not _compiling["depth"]:
                _compiling["seconds"] += time.perf_counter() - _compiling["since"]

    event.register("numba:compile", Clock())
    vars(numba.config)["CACHE_DIR"] = str(_folder())


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

    _configure()
    return numba.njit(cache=True, nogil=True, **options)(function)
