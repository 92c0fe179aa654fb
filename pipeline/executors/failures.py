"""How a task's failure is told: in one line to the driver, and in a file beside its manifest to `status`."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from pipeline.errors import Damaged, DamagedFile, RecipeError, RunError
from pipeline.executors.base import TaskFailure
from pipeline.executors.repeats import may_pass
from pipeline.files import write_json
from pipeline.plan import PlannedPhase
from pipeline.workspace import Workspace

SHOWN_FAILURES = 3


def task_failure(phase: str, index: int, error: Exception) -> TaskFailure:
    """The failure that an exception of a task comes to."""
    mendable = getattr(error, "exit_status", 1) == 2 or (isinstance(error, OSError) and not may_pass(error))
    if hasattr(error, "exit_status"):
        text = str(error)
    elif isinstance(error, OSError) and error.filename and error.strerror:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = f"{type(error).__name__}: {error}"
    damaged = error.files if isinstance(error, Damaged) else ()
    return TaskFailure(phase, index, " ".join(text.split()), mendable, may_pass(error), damaged)


def record_failure(
    workspace: Workspace,
    phase: PlannedPhase,
    index: int,
    message: str,
    mendable: bool = False,
    damaged: Sequence[DamagedFile] = (),
) -> None:
    """Leave the failure for `status`. Where even that cannot be written, the failure itself is what to tell."""
    with suppress(OSError):
        record = {"message": message, "mendable": mendable, "damaged": damaged, "time": time.time()}
        write_json(workspace.failure(phase, index), record)


def recorded_failures(workspace: Workspace, phase: PlannedPhase, indices: Iterable[int]) -> list[TaskFailure]:
    """How the last attempts at these tasks failed, those that did."""
    failures = []
    for index in indices:
        path = workspace.failure(phase, index)
        if path.exists():
            record = json.loads(path.read_text("utf-8"))
            damaged = tuple(DamagedFile(*file) for file in record.get("damaged", ()))
            failures.append(TaskFailure(phase.name, index, record["message"], record["mendable"], damaged=damaged))
    return failures


def damaged_files(failures: Iterable[TaskFailure]) -> list[DamagedFile]:
    """The files that must be made again before these tasks can run, each once."""
    return list(dict.fromkeys(file for failure in failures for file in failure.damaged))


def failed_phase(failures: Sequence[TaskFailure], phase: PlannedPhase, workspace: Workspace) -> RecipeError | RunError:
    """The error that a run ends with when tasks of a phase failed."""
    if all(failure.mendable for failure in failures):
        return RecipeError("; ".join(list(dict.fromkeys(failure.message for failure in failures))[:5]))
    lines = [f"{failure.phase} task {failure.index}: {failure.message}" for failure in failures[:SHOWN_FAILURES]]
    more = f" (and {len(failures) - SHOWN_FAILURES} more)" if len(failures) > SHOWN_FAILURES else ""
    return RunError(
        f"{len(failures)} of {phase.tasks} tasks of {phase.name} failed: {'; '.join(lines)}{more}; "
        f"see `corpusmill logs {shlex.quote(str(workspace.run))} {phase.name}:{failures[0].index}`; "
        "the same command goes on"
    )
