"""Run tasks on a Ray cluster: the one that RAY_ADDRESS names or this machine belongs to, else a local one.

Only (run directory, phase, index) travels through Ray; documents stay in files, so the run directory and the
input must lie at the same paths on every node. A node that is lost costs the tasks it ran, which Ray
starts again elsewhere; a worker that dies of a document is dealt with on its node (pipeline.executors.isolated).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.errors import RecipeError, Stopped
from pipeline.executors.base import Progress, TaskFailure
from pipeline.executors.limits import Limits
from pipeline.files import file_sha256
from pipeline.plan import Plan
from pipeline.workspace import Workspace
from tokenizer.kernel_cache import announce_compiling, announcing

#: Tasks handed to Ray for each of the cluster's cores, so that none waits while the driver looks away.
TASKS_A_CORE = 2
#: Nodes a task may lose before it is given up.
LOST_NODES = 5
#: How long a cluster may take to let a connection in; ray.init itself tries for minutes and cannot be interrupted.
CONNECT_SECONDS = 10.0
#: Where Ray's own client looks when an address names no port.
CLIENT_PORT = 10001
#: How names of variables begin by which storages are found and entered: tasks see the driver's, not their node's.
STORAGE_VARIABLES = ("AWS_", "AZURE_", "GOOGLE_", "HF_", "FSSPEC_")


class _Ear:
    """An actor that is told when some node compiles kernels: the driver waits for `heard` as for its tasks.

    It takes no core. Lost with its node, it is missed in nothing but what the driver says.
    """

    def __init__(self) -> None:
        self._told = asyncio.Event()

    async def tell(self) -> None:
        self._told.set()

    async def heard(self) -> None:
        await self._told.wait()


class RayExecutor:
    """One core a task; `workers` caps how many run at once. The cluster stays when the driver ends."""

    def __init__(self, workers: int | None, limits: Limits) -> None:
        try:
            import ray
        except ModuleNotFoundError:
            raise RecipeError("--executor ray: the package ray is not installed; install corpusmill[ray]") from None
        self._ray = ray
        self._limits = limits
        self._stopping = False
        self._started = not ray.is_initialized()
        if self._started:
            _connect(ray)
        self._workers = workers
        actor: Any = ray.remote(num_cpus=0)(_Ear)
        self._ear = actor.remote()
        #: What the ear will answer, until it has.
        self._heard = [self._ear.heard.remote()]

    def run_phase(
        self, plan: Plan, run: Path, phase: str, indices: Sequence[int], progress: Progress
    ) -> list[TaskFailure]:
        ray = self._ray
        environment = {name: value for name, value in os.environ.items() if name.startswith(STORAGE_VARIABLES)}
        remote = ray.remote(
            num_cpus=1,
            memory=self._limits.memory,
            max_retries=LOST_NODES,
            runtime_env={"env_vars": environment} if environment else None,
        )(_run_task)
        workspace, planned = Workspace(run.resolve()), plan.phase(phase)
        plan_sha256 = file_sha256(workspace.plan_file)
        waiting, flying = list(reversed(indices)), dict[Any, int]()
        failures: list[TaskFailure] = []
        finished, rows = 0, 0
        while waiting or flying:
            if self._stopping:
                for reference in flying:
                    ray.cancel(reference, force=True)
                raise Stopped("stopped; the same command goes on")
            while waiting and len(flying) < self._window():
                index = waiting.pop()
                reference = remote.options(name=f"{phase}:{index}").remote(
                    str(workspace.run), phase, index, self._limits, plan_sha256, self._ear
                )
                flying[reference] = index
            ready, _ = ray.wait([*flying, *self._heard], timeout=0.5)
            if set(self._heard) & set(ready):
                self._announce()
            for reference in flying.keys() & ready:
                index = flying.pop(reference)
                failure = self._outcome(reference, phase, index)
                failures += [failure] if failure else []
                finished += 1
                rows += _rows(workspace, planned, index)
            progress(finished, rows)
        return sorted(failures, key=lambda failure: failure.index)

    def stop(self, at_once: bool = False) -> None:
        """End the running tasks now, whatever `at_once` says: Ray cannot ask one to stop at its next batch."""
        self._stopping = True

    def close(self) -> None:
        if self._started:
            self._ray.shutdown()

    def _window(self) -> int:
        if self._workers is not None:
            return self._workers
        return max(1, TASKS_A_CORE * int(self._ray.cluster_resources().get("CPU", 1)))

    def _announce(self) -> None:
        """Say that kernels are being compiled, unless the ear answers because it was lost."""
        with suppress(self._ray.exceptions.RayError):
            self._ray.get(self._heard.pop())
            announce_compiling()

    def _outcome(self, reference: Any, phase: str, index: int) -> TaskFailure | None:
        try:
            outcome = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines()
            message = f"Ray gave it up ({type(error).__name__}: {lines[-1] if lines else 'no message'})"
            return TaskFailure(phase, index, message, mendable=False)
        return outcome if isinstance(outcome, TaskFailure) else None


def _connect(ray: Any) -> None:
    """Join the cluster of RAY_ADDRESS or of this machine; start one here when there is none."""
    named = os.environ.get("RAY_ADDRESS")
    settings = {"log_to_driver": False, "logging_level": "ERROR"}
    if named:
        _check_listens(named)
    try:
        ray.init(address=named or "auto", **settings)
    except (ConnectionError, ValueError) as error:
        if named:
            raise _no_cluster(named) from error
        ray.init(num_cpus=len(os.sched_getaffinity(0)), include_dashboard=False, **settings)


def _check_listens(address: str) -> None:
    """Raise RecipeError when nobody listens at HOST:PORT or ray://HOST:PORT; other addresses are Ray's to resolve."""
    client = address.startswith("ray://")
    host, _, port = address.removeprefix("ray://").partition("/")[0].rpartition(":")
    if client and not host:
        host, port = port, str(CLIENT_PORT)
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address) from error


def _no_cluster(address: str) -> RecipeError:
    return RecipeError(f"RAY_ADDRESS={address}: no Ray cluster answers there")


def _run_task(run: str, phase: str, index: int, limits: Limits, plan_sha256: str, ear: Any) -> str | TaskFailure:
    from pipeline.executors.isolated import run_isolated
    from pipeline.storage import location

    with announcing(lambda: ear.tell.remote()):
        return run_isolated(location(run), phase, index, limits, plan_sha256)


def _rows(workspace: Workspace, phase: Any, index: int) -> int:
    from pipeline.manifest import Manifest

    manifest = Manifest.load(workspace.manifest(phase, index))
    return manifest.rows.read if manifest is not None and manifest.rows else 0
