"""Where tasks run: in this process (inline), in worker processes of this machine (local), on a Ray cluster (ray).

A Slurm cluster (slurm) is not given phases by a driver that lives, but the whole plan at once: slurm/submission.py.
"""

from __future__ import annotations

import os

from pipeline.errors import RecipeError
from pipeline.executors.base import Executor
from pipeline.executors.limits import Limits

NAMES = ("inline", "local", "ray", "slurm")
NO_LIMITS = Limits()


def make_executor(name: str, workers: int | None, limits: Limits = NO_LIMITS) -> Executor:
    """The executor of a name; `workers` defaults to the cores this process may use."""
    check_workers(workers)
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
    if name == "slurm":
        raise RecipeError("executor slurm: call pipeline.executors.slurm.submission.submit, which returns at once")
    raise RecipeError(f"--executor {name}: must be one of {', '.join(NAMES)}")


def check_workers(workers: int | None) -> None:
    """Raise RecipeError for a number of workers that is none."""
    if workers is not None and workers < 1:
        raise RecipeError(f"--workers {workers}: must be at least 1")
