"""Find the log of one task by its name."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import RecipeError
from pipeline.executors.slurm.jobs import output_folder
from pipeline.workspace import Workspace


def read_log(run: Path, task: str) -> str:
    """The lines that every attempt at a task, named PHASE:INDEX, has left. RecipeError when there are none."""
    phase_name, _, number = task.rpartition(":")
    if not phase_name or not number.isdigit():
        raise RecipeError(f"{task}: name a task as PHASE:INDEX, for example curate:0")
    workspace = Workspace(run)
    phase = workspace.load_plan().phase(phase_name)
    if int(number) >= phase.tasks:
        raise RecipeError(f"{task}: {phase_name} has the tasks 0 to {phase.tasks - 1}")
    log = workspace.log(phase, int(number))
    if not log.exists():
        jobs = output_folder(workspace, phase)
        printed = f"; what its Slurm jobs printed lies in {jobs}" if jobs.is_dir() else ""
        raise RecipeError(f"{task}: has not started, so it has no log{printed}")
    return log.read_text("utf-8")
