"""How a task's failure is told: in one line to the driver, and in a file beside its manifest to `status`."""

from __future__ import annotations

import time
from contextlib import suppress

from pipeline.executors.base import TaskFailure
from pipeline.executors.repeats import may_pass
from pipeline.files import write_json
from pipeline.plan import PlannedPhase
from pipeline.workspace import Workspace


def task_failure(phase: str, index: int, error: Exception) -> TaskFailure:
    """The failure that an exception of a task comes to."""
    mendable = getattr(error, "exit_status", 1) == 2 or (isinstance(error, OSError) and not may_pass(error))
    if hasattr(error, "exit_status"):
        text = str(error)
    elif isinstance(error, OSError) and error.filename and error.strerror:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = f"{type(error).__name__}: {error}"
    return TaskFailure(phase, index, " ".join(text.split()), mendable, may_pass(error))


def record_failure(workspace: Workspace, phase: PlannedPhase, index: int, message: str) -> None:
    """Leave the failure for `status`. Where even that cannot be written, the failure itself is what to tell."""
    with suppress(OSError):
        write_json(workspace.failure(phase, index), {"message": message, "time": time.time()})
