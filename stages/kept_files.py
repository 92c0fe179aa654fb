"""Keep what a function makes of files for as long as they stay as they are.

The next plan may run in the same process (a notebook, a worker of Ray that outlives its plan) after a list was edited
or a model trained anew at the same path. So what a stage loads is kept for its arguments and for the size, inode and
time of change of every file among them. That no task uses what was edited after its plan was made is seen to by
pipeline.assets. Cost: asking for these at each call.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Made = TypeVar("_Made")


def kept_while_files_stay(most: int = 8) -> Callable[[Callable[_Arguments, _Made]], Callable[_Arguments, _Made]]:
    """Keep the last `most` results of a function of hashable arguments, paths and tuples of paths among them.

    Of a folder the files in it count, not those of folders below.
    """

    def keeping(make: Callable[_Arguments, _Made]) -> Callable[_Arguments, _Made]:
        kept: dict[Hashable, tuple[Hashable, _Made]] = {}

        @wraps(make)
        def kept_or_made(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Made:
            key = (arguments, tuple(named.items()))
            state = _state(key)
            known = kept.pop(key, None)
            if known is None or known[0] != state:
                known = state, make(*arguments, **named)
            kept[key] = known
            while len(kept) > most:
                del kept[next(iter(kept))]
            return known[1]

        return kept_or_made

    return keeping


def _state(value: Hashable) -> Hashable:
    """What tells whether the files among a value are still the same."""
    if isinstance(value, tuple):
        return tuple(map(_state, value))
    if not isinstance(value, Path):
        return None
    try:
        found = value.stat()
        if value.is_dir():
            return tuple((path.name, _state(path)) for path in sorted(value.iterdir()) if path.is_file())
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
