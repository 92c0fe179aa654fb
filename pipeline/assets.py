"""Assets: the files beside the corpus that results depend on (models, lists, tokenizers), as stages name them.

What they hold is part of a phase's fingerprint (pipeline.fingerprint), so a task may use them only as they were when
the plan was made. It holds them against the plan when it begins and again before its outputs get their names: whatever
a stage loaded in between is then what was planned. Cost: a process hashes each file once (1 GB/s and more) and asks
for its size, inode and time of change twice a task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import RecipeError
from stages.base import Stage

_PLAN_ANEW = "repeat the run or plan command, which plans it anew"


def asset_paths(stage: Stage) -> dict[str, Path]:
    """A stage's assets by names that are the same on every machine. Raises what the stage does if one is unusable."""
    paths = dict(stage.assets())
    for name, named in path_fields(stage).items():
        # Of a folder count the files that the stage's `assets` name.
        files = [path for path in named if not path.is_dir()]
        paths |= {f"{name}[{index}]": path for index, path in enumerate(files)}
    return paths


def path_fields(stage: Stage) -> dict[str, list[Path]]:
    """The paths that the stage's parameters name, by parameter."""
    fields = {}
    for name in type(stage).model_fields:
        value = getattr(stage, name)
        paths = [value] if isinstance(value, Path) else value if isinstance(value, (list, tuple)) else ()
        if paths and all(isinstance(path, Path) for path in paths):
            fields[name] = list(paths)
    return fields


def content_of(path: Path) -> str:
    """sha256 of an asset. OSError when it cannot be read."""
    found = path.stat()
    return _hashed(path, found.st_size, found.st_mtime_ns, found.st_ino)


class PlannedAssets:
    """The assets of a phase's stages, with what they held when the plan was made."""

    def __init__(self, stages: Mapping[str, Stage], components: Mapping[str, Mapping[str, Any]]) -> None:
        """`components`: what a fingerprint is made of, by the stage's label. RecipeError when files came or went."""
        self._planned: dict[Path, str] = {}
        for label, stage in stages.items():
            paths, planned = asset_paths(stage), components[label]["assets"]
            if paths.keys() != planned.keys():
                raise RecipeError(f"stage '{label}' finds other files than when the plan was made; {_PLAN_ANEW}")
            self._planned |= {path: planned[name] for name, path in paths.items()}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Hold the assets against the plan before and after the block. RecipeError names one that is not the same."""
        self._check()
        yield
        self._check()

    def _check(self) -> None:
        for path, planned in self._planned.items():
            try:
                unchanged = content_of(path) == planned
            except OSError as error:
                raise RecipeError(
                    f"{path}: {error.strerror}, but the plan names it; put it back, or {_PLAN_ANEW}"
                ) from error
            if not unchanged:
                raise RecipeError(f"{path}: has changed since the plan was made; {_PLAN_ANEW}")


@cache
def _hashed(path: Path, size: int, changed: int, inode: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
