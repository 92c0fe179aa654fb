"""A worker process: the driver's handle of it, and the program that it runs.

It is started as a program of its own, never forked, so threads of numba, Arrow or torch cannot deadlock it, and
knows nothing of the user's script. It inherits a socket, over which tasks come and answers go, and memory for a
few numbers (pipeline.reporter). It dies with its driver: by the closed socket, and on Linux by a signal.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from pipeline.errors import Stopped
from pipeline.executors.base import TaskFailure
from pipeline.executors.failures import task_failure
from pipeline.reporter import BATCH, COMPILING, READ_FILE, ROW_FILE, ROWS, SLOTS
from pipeline.storage import location
from pipeline.workspace import Workspace
from tokenizer.kernel_cache import announcing

PR_SET_PDEATHSIG = 1
_Numbers = ctypes.c_int64 * SLOTS
#: Modules are looked for where the driver looks, and nowhere before that is known.
PROGRAM = "import sys, json; given = json.loads(sys.argv[1]); sys.path[:] = given.pop('path'); " + (
    "from pipeline.executors.worker import work; work(**given)"
)
GOODBYE_SECONDS = 10


class Worker:
    """The driver's handle: `shared` are the reporter's integers, `task` the task that the worker is at."""

    def __init__(self, run: Path) -> None:
        self.pipe, theirs = Pipe()
        memory = _memory()
        self.shared = _numbers(memory)
        self.task: int | None = None
        self.started = 0.0
        #: Which limit its task passed, for which it was killed.
        self.exceeded: str | None = None
        given = {"path": sys.path, "run": str(run), "pipe": theirs.fileno(), "memory": memory, "driver": os.getpid()}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", PROGRAM, json.dumps(given)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), memory),
            )
        finally:
            os.close(memory)
            theirs.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self, phase: str, task: int, attempt: int, rehearse: int) -> None:
        """Hand the worker a task. What keeps it from taking it is noticed when its answer is read."""
        self.task, self.started = task, time.monotonic()
        # Not left to the task: the worker may die before it comes to that.
        for slot in (BATCH, ROWS, ROW_FILE, READ_FILE):
            self.shared[slot] = 0
        try:
            self.pipe.send((phase, task, attempt, rehearse))
        except OSError:
            self.ending()

    def answer(self) -> TaskFailure | str | None:
        """None for a task that is done, "stopped", or its failure. EOFError or OSError when the worker has died."""
        return self.pipe.recv()

    def kill(self) -> None:
        self._process.kill()

    def ending(self) -> int | None:
        """The exit status of a worker that has died, minus the signal's number where one killed it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GOODBYE_SECONDS)
        return self._process.returncode

    def close(self) -> None:
        """Let an idle worker end."""
        self.pipe.close()
        if self.ending() is None:
            self._process.kill()
            self._process.wait()


def work(run: str, pipe: int, memory: int, driver: int) -> None:
    """A worker's life: take tasks until the driver closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with(driver)
    connection, shared = Connection(pipe), _numbers(memory)

    def compiling() -> None:
        shared[COMPILING] = 1

    with announcing(compiling):
        _take_tasks(connection, shared, Workspace(location(run)))


def _take_tasks(connection: Connection, shared: Any, workspace: Workspace) -> None:
    """Take a task, run it, report, and again."""
    from pipeline.task import run_task
    from pipeline.task_inputs import TaskInputs

    plan = workspace.load_plan()
    inputs, inputs_of = TaskInputs(plan, workspace), ""
    while True:
        try:
            phase, index, attempt, rehearse = connection.recv()
        except (EOFError, OSError):  # A driver that dies with answers unread resets the pipe.
            return
        outcome: TaskFailure | str | None = None
        try:
            if phase != inputs_of:
                inputs, inputs_of = TaskInputs(plan, workspace), phase
            run_task(plan, workspace.run, phase, index, shared, attempt, rehearse, inputs)
        except Stopped:
            outcome = "stopped"
        except Exception as error:
            outcome = task_failure(phase, index, error)
        try:
            connection.send(outcome)
        except OSError:
            return


def _memory() -> int:
    """A descriptor of zeros for the reporter's integers, on no disk where the system can do so."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("corpusmill-worker")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, ctypes.sizeof(_Numbers))
    return descriptor


def _numbers(memory: int) -> Any:
    return _Numbers.from_buffer(mmap.mmap(memory, ctypes.sizeof(_Numbers)))


def _die_with(driver: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != driver:
        os._exit(1)
