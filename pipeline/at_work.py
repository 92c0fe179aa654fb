"""Refuse to plan or clean a run while others are at work on it, for both take away what these have begun to write.

A driver is told of by its lock (pipeline.lock), jobs that wait by Slurm's queue, tasks that run by their markers.
A machine that was lost leaves markers that look alive until they are silent (pipeline.running_marker): executors
that replace lost machines do without these. Cost: one call of squeue, one listing of each phase's markers.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from pipeline.errors import RunError
from pipeline.executors.slurm.client import SlurmError, queued_jobs
from pipeline.executors.slurm.jobs import job_name
from pipeline.running_marker import SILENT_SECONDS, markers_of_all_phases
from pipeline.workspace import Workspace

#: Workers of a driver that was killed die with it, but may take a moment.
DYING_SECONDS = 5.0


def refuse_others_at_work(workspace: Workspace, tasks: bool = True) -> None:
    """Raise RunError while Slurm, where it is installed, holds jobs of the run or, with `tasks`, while tasks run."""
    with suppress(SlurmError):  # This machine belongs to no cluster, or its queue does not answer.
        refuse_queued_jobs(workspace.run)
    if tasks:
        _refuse_tasks(workspace)


def refuse_queued_jobs(run: Path) -> None:
    """Raise RunError while Slurm holds jobs of the run, SlurmError when its queue does not answer."""
    jobs = jobs_in_queue(run)
    if jobs:
        raise RunError(
            f"{run}: {len(jobs)} of this run's jobs are queued or running on Slurm, so nothing was begun; "
            f"wait for them, or cancel them with `scancel {' '.join(map(str, jobs))}`"
        )


def jobs_in_queue(run: Path) -> list[int]:
    """Jobs of the run that wait or run on Slurm; none where it is not installed. SlurmError when it does not answer."""
    if shutil.which("squeue") is None:
        return []
    return [queued.job for queued in queued_jobs(job_name("", run.resolve()))]


def _refuse_tasks(workspace: Workspace) -> None:
    end = time.monotonic() + DYING_SECONDS
    while running := [
        (phase, marker) for phase, marker in markers_of_all_phases(workspace) if marker.state(time.time()) == "running"
    ]:
        if time.monotonic() > end:
            phase, marker = running[0]
            more = f" and {len(running) - 1} more tasks run" if len(running) > 1 else " runs"
            raise RunError(
                f"{workspace.run}: {phase}:{marker.index}{more} (process {marker.pid} on {marker.host}); wait for the "
                f"end or stop it first; of a machine that was lost, {SILENT_SECONDS / 60:.0f} minutes after it was"
            )
        time.sleep(0.2)
