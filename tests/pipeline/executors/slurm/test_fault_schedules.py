"""Whatever befalls nodes and jobs, chosen by a seed, the same command comes to the bytes of an undisturbed run.

Every wait and every command has a bounded time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.slurm_cluster import node_states, queue, slurm, wait_until
from pipeline import Recipe, run
from tests.pipeline.conftest import RECIPE, published
from tests.pipeline.executors.slurm.conftest import SlurmRun

SIX_TASKS = {**RECIPE, "task_bytes": "40kB"}
#: Of the 21 tasks of the run.
LATEST_FAULT = 12


@pytest.fixture(scope="module")
def undisturbed(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(Recipe.parse(SIX_TASKS), [lines], out, executor="inline", quiet=True)
    return published(out)


def manifests(out: Path) -> int:
    return len(list(out.glob("work/*/manifests/[0-9]*.json")))


def lose_a_node(chance: random.Random, out: Path) -> None:
    """Down for as long as it takes the other node to finish a few tasks."""
    node = chance.choice(["n1", "n2"])
    slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    assert sum(state.startswith("down") for state in node_states()) == 1
    enough = manifests(out) + chance.randrange(1, 5)
    wait_until(lambda: manifests(out) >= enough, "task done on the other node")
    slurm("scontrol", "update", f"nodename={node}", "state=resume")


def cancel_a_job(chance: random.Random, out: Path) -> None:
    """An array with all its tasks, waiting or running, or the publication."""
    slurm("scancel", chance.choice(sorted({line.split()[0] for line in queue("%F %T")})))


def requeue_a_task(chance: random.Random, out: Path) -> None:
    """As a preemption does."""

    def running() -> list[str]:
        return [line.split()[0] for line in queue() if line.endswith("RUNNING")]

    wait_until(lambda: bool(running()), "running task")
    task = chance.choice(running())
    slurm("scontrol", "requeue", task)
    assert not [line for line in queue() if line.startswith(f"{task} ") and line.endswith("RUNNING")]


FAULTS: list[Callable[[random.Random, Path], None]] = [lose_a_node, cancel_a_job, requeue_a_task]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_the_same_command_comes_to_the_same_bytes(
    cluster: Path, lines: Path, tmp_path: Path, undisturbed: dict[str, str], seed: int
) -> None:
    chance = random.Random(seed)
    slurm_run = SlurmRun(tmp_path, SIX_TASKS, lines)
    assert slurm_run().returncode == 0
    done = chance.randrange(LATEST_FAULT)
    wait_until(lambda: manifests(slurm_run.out) >= done, f"{done} tasks done")
    FAULTS[seed % len(FAULTS)](chance, slurm_run.out)
    wait_until(lambda: not queue(), "end of the jobs")
    completing = slurm_run("--wait")
    assert completing.returncode == 0, completing.stderr
    assert published(slurm_run.out) == undisturbed
    assert not list(slurm_run.out.rglob(".tmp-*"))
    again = slurm_run()
    assert again.returncode == 0 and "tasks submitted" not in again.stdout
