"""Stay with a submitted run until its jobs have ended, show how far it is, and end as it ends.

How far it is comes from the manifests, what is still to come from the queue; neither needs this process. Between
two looks it pauses for a second at first and for POLL_SECONDS after some minutes, for the queue is everybody's.
Where tasks failed of nothing but damaged files, what makes those again is submitted (pipeline.healing), and waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.completion import publish_run
from pipeline.errors import DamagedFile, NotReady, RunError, Stopped
from pipeline.executors.failures import damaged_files, failed_phase, recorded_failures
from pipeline.executors.slurm.client import SlurmError
from pipeline.executors.slurm.jobs import PUBLICATION, job_name, output_folder
from pipeline.executors.slurm.submission import Submission, queued_jobs, submit_again
from pipeline.healing import Healing
from pipeline.plan import PlannedPhase
from pipeline.progress import Progress
from pipeline.resume import unfinished_tasks
from pipeline.totals import Totals
from pipeline.workspace import Workspace

POLL_SECONDS = 15.0


def follow(submission: Submission, progress: Progress) -> Totals:
    """Wait for the jobs of a submission, and for those that make damaged files again; the complete run's row account.

    Raises RunError or RecipeError when tasks failed or did not run, as a driver does, and Stopped when
    interrupted, which leaves the jobs alone.
    """
    healing = Healing(submission.plan, submission.workspace, progress)
    while True:
        _wait_for_all(submission, progress)
        try:
            return publish_run(submission.workspace.run)
        except NotReady as error:
            damaged = _damaged(submission, error)
        submission = submit_again(submission, damaged, healing, progress)


def _wait_for_all(submission: Submission, progress: Progress) -> None:
    run = submission.workspace.run
    try:
        for phase in submission.plan.phases:
            if submission.unfinished[phase.name]:
                _follow_phase(phase, submission, progress)
        _wait(job_name(PUBLICATION, run), submission.workspace, progress, lambda: None)
    except KeyboardInterrupt:
        raise Stopped(
            f"no longer waiting; the jobs go on: follow them with `corpusmill status {run} --watch`, cancel them with "
            f"`scancel {' '.join(map(str, submission.jobs))}`"
        ) from None
    finally:
        progress.close()


def _follow_phase(phase: PlannedPhase, submission: Submission, progress: Progress) -> None:
    workspace = submission.workspace
    done_before = phase.tasks - submission.unfinished[phase.name]
    _, rows_before = _finished(phase, workspace)
    progress.phase(phase.name, phase.tasks, done_before, None)

    def show() -> None:
        done, rows = _finished(phase, workspace)
        progress.update(done - done_before, rows - rows_before)

    _wait(job_name(phase.name, workspace.run), workspace, progress, show)
    show()
    done, _ = _finished(phase, workspace)
    if done == phase.tasks:
        progress.phase_ended()
    else:
        progress.say(f"{phase.name}: its jobs have ended with {done} of {phase.tasks} tasks done")


def _wait(name: str, workspace: Workspace, progress: Progress, show: Callable[[], None]) -> None:
    """Return when no job of this name is left in the queue; a queue that does not answer is asked again."""
    started = time.monotonic()
    while True:
        try:
            if name not in {queued.name for queued in queued_jobs(workspace)}:
                return
        except SlurmError as error:
            progress.say(f"{error}; asking again")
        show()
        time.sleep(min(POLL_SECONDS, 1.0 + (time.monotonic() - started) / 30))


def _finished(phase: PlannedPhase, workspace: Workspace) -> tuple[int, int]:
    """Tasks of a phase that have a manifest, and the rows they read."""
    rows = [manifest.rows.read if manifest.rows else 0 for manifest in workspace.manifests(phase)]
    return len(rows), sum(rows)


def _damaged(submission: Submission, not_ready: NotReady) -> list[DamagedFile]:
    """What kept a run whose jobs have ended from being complete, where that is damaged files alone.

    Else raises what it was: the failures of the first phase that has some, or tasks that never ran.
    """
    plan, workspace = submission.plan, submission.workspace
    unfinished = unfinished_tasks(plan, workspace)
    for phase in plan.phases:
        failures = recorded_failures(workspace, phase, unfinished[phase.name])
        if failures and all(failure.damaged for failure in failures):
            return damaged_files(failures)
        if failures:
            raise failed_phase(failures, phase, workspace) from not_ready
    first = next((phase for phase in plan.phases if unfinished[phase.name]), plan.phases[-1])
    raise RunError(
        f"{not_ready}; their jobs were cancelled, lost or failed before the task began (what they printed lies in "
        f"{output_folder(workspace, first)}); the same command goes on"
    ) from not_ready
