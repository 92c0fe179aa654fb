"""Where tasks run: in this process (inline) or in worker processes of this machine (local)."""

from __future__ import annotations

import os

from pipeline.errors import RecipeError
from pipeline.executors.base import Executor

NAMES = ("inline", "local")


def make_executor(name: str, workers: int | None) -> Executor:
    """The executor of a name; `workers` defaults to the cores this process may use."""
    if workers is not None and workers < 1:
        raise RecipeError(f"--workers {workers}: must be at least 1")
    if name == "inline":
        from pipeline.executors.inline import InlineExecutor

        return InlineExecutor()
    if name == "local":
        from pipeline.executors.local import LocalExecutor

        return LocalExecutor(workers or len(os.sched_getaffinity(0)))
    raise RecipeError(f"--executor {name}: must be one of {', '.join(NAMES)}")
