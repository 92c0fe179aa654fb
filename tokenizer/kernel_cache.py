"""Compile numba kernels with an on-disk cache that notices edits in any kernel file.

numba's own cache is keyed by the file a function stands in, so an edit of a helper in another file leaves
stale machine code behind. Here the cache directory is named by the hash of every `*_kernel.py` file of
our packages, and of every `*_table.py`, whose constants kernels freeze. By convention numba code lives in files
named `*_kernel.py` and nowhere else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("tokenizer", "stages", "shards")


@cache
def _configure() -> None:
    import numba

    digest = hashlib.sha256(numba.__version__.encode())
    for package in _PACKAGES:
        for file in sorted(path for end in ("kernel", "table") for path in (_ROOT / package).rglob(f"*_{end}.py")):
            digest.update(file.relative_to(_ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    base = Path(os.environ.get("CORPUSMILL_CACHE") or Path.home() / ".cache" / "corpusmill")
    vars(numba.config)["CACHE_DIR"] = str(base / "numba" / digest.hexdigest()[:16])


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
