"""Where tasks run: in this process (inline), in worker processes of this machine (local), on a Ray cluster (ray)."""

from __future__ import annotations

import os

from pipeline.errors import RecipeError
from pipeline.executors.base import Executor
from pipeline.executors.limits import Limits

NAMES = ("inline", "local", "ray")
NO_LIMITS = Limits()


def make_executor(name: str, workers: int | None, limits: Limits = NO_LIMITS) -> Executor:
    """The executor of a name; `workers` defaults to the cores this process may use."""
    if workers is not None and workers < 1:
        raise RecipeError(f"--workers {workers}: must be at least 1")
    if name == "inline":
        if limits != NO_LIMITS:
            raise RecipeError("--task-memory and --task-seconds need worker processes; use --executor local")
        from pipeline.executors.inline import InlineExecutor

        return InlineExecutor()
    if name == "local":
        from pipeline.executors.local import LocalExecutor

        return LocalExecutor(workers or len(os.sched_getaffinity(0)), limits)
    if name == "ray":
        from pipeline.executors.ray import RayExecutor

        return RayExecutor(workers, limits)
    raise RecipeError(f"--executor {name}: must be one of {', '.join(NAMES)}")
