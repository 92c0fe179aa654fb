"""Markers of running tasks: what anybody who sees the run directory can know of a task that goes on now.

A task's marker names its process and host and is written anew every 15 seconds by a thread of that process,
with the rows read so far; it goes away when the task ends. A process that is killed leaves its marker. So a
reader believes it as long as it is fresh: on the marker's own host the process must be there, from any other
host only the time of the last renewal speaks. Not renewed for three minutes it is called silent, for a machine
may have died or lost its storage. Clocks of machines may differ by a minute or two, no more. Cost: one small
file each 15 seconds and task.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipeline.errors import RunError
from pipeline.files import write_json
from pipeline.plan import PlannedPhase
from pipeline.processes import known_to_be_gone
from pipeline.workspace import Workspace

RENEW_SECONDS = 15.0
SILENT_SECONDS = 180.0

MarkerState = Literal["running", "silent", "dead"]


@dataclass(frozen=True)
class RunningMarker:
    """One attempt at a task: when it started and was last heard from (seconds since 1970), rows read until then."""

    index: int
    host: str
    pid: int
    started: float
    attempt: int
    renewed: float
    rows: int

    def state(self, now: float) -> MarkerState:
        if known_to_be_gone(self.host, self.pid):
            return "dead"
        return "silent" if now - self.renewed > SILENT_SECONDS else "running"


@contextmanager
def marked_as_running(path: Path, index: int, attempt: int, rows: Callable[[], int]) -> Iterator[None]:
    """Keep the marker at `path` fresh while the block runs, and take it away at its end."""
    started = time.time()

    def renew() -> None:
        marker = RunningMarker(index, os.uname().nodename, os.getpid(), started, attempt, time.time(), rows())
        write_json(path, asdict(marker), durable=False)

    def keep_fresh() -> None:
        while not ended.wait(RENEW_SECONDS):
            # The task itself will say what is wrong with the storage; a marker may be late.
            with suppress(OSError, RunError):
                renew()

    ended = threading.Event()
    renew()
    thread = threading.Thread(target=keep_fresh, name="running-marker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        path.unlink(missing_ok=True)


def running_markers(workspace: Workspace, phase: PlannedPhase) -> list[RunningMarker]:
    """The phase's markers in task order; one that ends or is torn while it is read is left out."""
    return _markers_in(workspace.running(phase, 0).parent)


def markers_of_all_phases(workspace: Workspace) -> list[tuple[str, RunningMarker]]:
    """The markers of a run with the names of their phases, those of earlier recipes too."""
    folders = sorted(workspace.work.iterdir(), key=str) if workspace.work.is_dir() else []
    return [
        (folder.name.rpartition("-")[0], marker) for folder in folders for marker in _markers_in(folder / "running")
    ]


def _markers_in(folder: Path) -> list[RunningMarker]:
    found = []
    for path in numbered_files(folder):
        with suppress(OSError, ValueError, TypeError):
            found.append(RunningMarker(**json.loads(path.read_text("utf-8"))))
    return found


def numbered_files(folder: Path) -> list[Path]:
    """The files of a folder that are named by a task's index, in its order; none when there is no folder."""
    try:
        return sorted((path for path in folder.iterdir() if path.stem.isdigit()), key=lambda path: int(path.stem))
    except (FileNotFoundError, NotADirectoryError):
        return []
