"""Submit a plan to Slurm: an array of jobs for every so many unfinished tasks, and a last job that publishes.

Nothing is kept about what was submitted: the queue knows the jobs of a run by their name, the manifests what they
did. So the same command, given again after whatever happened, submits what is missing then, and nothing while
jobs of the run are left in the queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.at_work import refuse_queued_jobs
from pipeline.errors import DamagedFile, RecipeError, RunError
from pipeline.executors import check_workers
from pipeline.executors.limits import Limits
from pipeline.executors.slurm import client
from pipeline.executors.slurm.arrays import TaskArray, task_arrays
from pipeline.executors.slurm.jobs import (
    array_options,
    job_name,
    output_folder,
    publication_options,
    publication_script,
    task_script,
)
from pipeline.healing import Healing
from pipeline.inputs import Input
from pipeline.lock import driver_lock
from pipeline.plan import Plan, PlannedPhase
from pipeline.preparation import open_workspace, prepare
from pipeline.progress import Progress
from pipeline.recipe import Recipe
from pipeline.resume import unfinished_tasks
from pipeline.site import SlurmSettings
from pipeline.storage import location, remove_tree
from pipeline.workspace import Workspace


@dataclass(frozen=True)
class Terms:
    """How a run's jobs are submitted: tasks in an array, tasks at once, limits of each, and the site's settings."""

    largest_array: int
    workers: int | None
    limits: Limits
    settings: SlurmSettings


@dataclass(frozen=True)
class Submission:
    """A plan whose unfinished tasks Slurm was given: their number by phase, and the ids of the jobs."""

    plan: Plan
    workspace: Workspace
    terms: Terms
    unfinished: dict[str, int]
    jobs: tuple[int, ...]


def submit(
    recipe: Recipe,
    inputs: Sequence[Input],
    out: str | Path,
    workers: int | None,
    limit: int | None,
    limits: Limits,
    settings: SlurmSettings,
    progress: Progress,
) -> Submission:
    """Plan a recipe into a run directory and submit all that is not done; returns when Slurm has it.

    Raises RecipeError for what the user must mend, RunError while jobs of the run are queued or running, and when
    Slurm takes no more.
    """
    check_workers(workers)
    terms = Terms(client.largest_array(), workers, limits, settings)
    workspace = Workspace(open_workspace(location(out)).run.resolve())
    with driver_lock(workspace.run):
        refuse_queued_jobs(workspace.run)
        plan = prepare(recipe, inputs, limit, workspace, progress)
        return _submit_unfinished(plan, workspace, terms, progress)


def submit_again(
    submission: Submission, damaged: Sequence[DamagedFile], healing: Healing, progress: Progress
) -> Submission:
    """Submit, of a submission whose jobs have ended, what makes damaged files again and all else that is not done.

    Raises RunError for files that were made again in vain, and as `submit` does.
    """
    workspace = submission.workspace
    with driver_lock(workspace.run):
        refuse_queued_jobs(workspace.run)
        healing.begin(damaged)
        return _submit_unfinished(submission.plan, workspace, submission.terms, progress)


def queued_jobs(workspace: Workspace) -> list[client.QueuedJob]:
    """The jobs of a run that wait or run."""
    return client.queued_jobs(job_name("", workspace.run))


def _submit_unfinished(plan: Plan, workspace: Workspace, terms: Terms, progress: Progress) -> Submission:
    unfinished = unfinished_tasks(plan, workspace)
    for phase in plan.phases:
        progress.say(_phase_line(phase, len(unfinished[phase.name])))
        # Of what failed before, all is tried again: no job of now may be judged by it.
        remove_tree(workspace.failure(phase, 0).parent)
    arrays = task_arrays(plan, unfinished, terms.largest_array, terms.workers)
    jobs = _submit_all(plan, arrays, workspace, terms.limits, terms.settings) if arrays else ()
    return Submission(plan, workspace, terms, {name: len(tasks) for name, tasks in unfinished.items()}, jobs)


def _submit_all(
    plan: Plan, arrays: Sequence[TaskArray], workspace: Workspace, limits: Limits, settings: SlurmSettings
) -> tuple[int, ...]:
    """Submit the arrays in the plan's order, then the publication; the ids of their jobs."""
    jobs: list[int] = []
    try:
        for array in arrays:
            _make_output_folder(workspace, array.phase)
            options = array_options(array, [jobs[position] for position in array.after], workspace, limits, settings)
            jobs.append(client.submit(options, task_script(array, workspace, limits, settings)))
        _make_output_folder(workspace, plan.phases[-1])
        options = publication_options(plan, jobs, workspace, settings)
        jobs.append(client.submit(options, publication_script(workspace, settings)))
    except client.SlurmError as error:
        if not jobs:
            raise RecipeError(f"{error}; see `slurm` in the site file (docs/schedulers.md)") from error
        taken = f"Slurm took {len(jobs)} of {len(arrays) + 1} jobs of this run and then no more"
        raise RunError(f"{taken} ({error}); the same command submits the rest once they have ended") from error
    return tuple(jobs)


def _make_output_folder(workspace: Workspace, phase: PlannedPhase) -> None:
    folder = output_folder(workspace, phase)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecipeError(
            f"{folder}: cannot be made for what the jobs print ({error.strerror}); submit from a folder that the "
            "nodes share and that you may write to"
        ) from error


def _phase_line(phase: PlannedPhase, unfinished: int) -> str:
    before = phase.tasks - unfinished
    return f"{phase.name}: {unfinished} of {phase.tasks} tasks to run" + (
        f", {before} finished before" if before else ""
    )
