"""Damaged intermediates are made again: within the run that waits for its jobs, else by the same command again."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from benchmarks.slurm_cluster import queue, wait_until
from pipeline import Recipe, run
from pipeline.healing import MOST_TIMES
from pipeline.status import read_status
from pipeline.task_log import read_log
from pipeline.workspace import Workspace
from tests.pipeline.conftest import RECIPE, published
from tests.pipeline.executors.slurm.conftest import SlurmRun


@pytest.fixture
def finished(lines: Path, tmp_path: Path) -> SlurmRun:
    """A finished run of one task a phase, of which the last two phases are to run again."""
    recipe = copy.deepcopy(RECIPE)
    recipe["task_bytes"], recipe["stages"][3]["exact_dedup"]["buckets"] = "1MB", 1
    slurm_run = SlurmRun(tmp_path, recipe, lines / "part-0.txt")
    run(Recipe.parse(recipe), [lines / "part-0.txt"], slurm_run.out, executor="inline", quiet=True)
    for phase in Workspace(slurm_run.out).load_plan().phases[2:]:
        assert phase.tasks == 1
        Workspace(slurm_run.out).manifest(phase, 0).unlink()
    return slurm_run


def damage(out: Path, output: str) -> Path:
    (file,) = out.glob(f"work/{output}")
    file.write_bytes(bytes(file.stat().st_size))
    return file


def starts(out: Path, task: str) -> int:
    return read_log(out, task).count('"event": "started"')


def test_damage_is_mended_by_the_same_command_and_while_it_waits_by_itself(cluster: Path, finished: SlurmRun) -> None:
    out, whole = finished.out, published(finished.out)
    keys = damage(out, "exact_dedup.keys-*/keys/*.arrow")
    assert finished().returncode == 0
    wait_until(lambda: not queue(), "end of the jobs")
    says = f"{keys}: is damaged, so exact_dedup.keys task 0, which wrote it, must run again; the same `corpusmill run` "
    (failure,) = read_status(out).failures
    assert failure.task == "exact_dedup.match:0" and failure.message.startswith(says)
    (printed,) = out.glob("work/exact_dedup.match-*/jobs/*_0.out")
    assert says in printed.read_text() and printed.read_text().count("\n") == 1

    documents = damage(out, "curate-*/documents/*.arrow")
    waited = finished("--wait")
    assert waited.returncode == 0, waited.stderr
    assert f"{documents}: is damaged; curate task 0, which wrote it, runs again\n" in waited.stderr
    assert waited.stderr.count("is damaged") == 1
    assert published(out) == whole and read_status(out).state == "complete"
    tasks = ("curate:0", "exact_dedup.keys:0", "exact_dedup.match:0", "survivors:0")
    assert [starts(out, task) for task in tasks] == [2, 3, 3, 2]


@pytest.mark.slow
def test_a_file_that_is_damaged_each_time_ends_the_run(cluster: Path, finished: SlurmRun) -> None:
    """Before every task, as a bad disk would."""
    out, whole = finished.out, published(finished.out)
    keys = damage(out, "exact_dedup.keys-*/keys/*.arrow")
    spoil = f"test ! -e {keys} || dd if=/dev/zero of={keys} bs=64k count=1 conv=notrunc status=none"
    finished.site.write_text(yaml.safe_dump({"executor": "slurm", "slurm": {"set_up": [spoil]}}))
    ended = finished("--wait")
    assert ended.returncode == 1
    assert f"{keys}: is damaged again, though exact_dedup.keys task 0 has made it again 2 times" in ended.stderr
    assert starts(out, "exact_dedup.keys:0") == 1 + MOST_TIMES
    finished.site.write_text("executor: slurm\n")
    assert finished("--wait").returncode == 0
    assert published(out) == whole
