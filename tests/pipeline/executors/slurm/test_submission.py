"""A recipe on a real Slurm cluster of two nodes: the bytes of one process, whatever fails or is asked twice."""

from __future__ import annotations

import copy
import json
import signal
from functools import partial
from pathlib import Path

import pytest
import yaml

from benchmarks.slurm_cluster import queue, wait_until
from pipeline import Recipe, run
from pipeline.clean import find_cleaning
from pipeline.errors import RecipeError, RunError
from pipeline.manifest import Manifest
from pipeline.plan import Plan, PlannedPhase
from pipeline.preparation import write_plan
from pipeline.task_log import read_log
from pipeline.workspace import Workspace
from tests.pipeline.conftest import RECIPE, published
from tests.pipeline.executors.slurm.conftest import SlurmRun

GREEDY = [f"tests.pipeline.line_stages:{stage}" for stage in ("Lines", "Compiling", "Greedy")]


def check_order(run: Path) -> None:
    """No task began before all that it reads had manifests."""
    workspace = Workspace(run)
    plan = workspace.load_plan()
    for phase in plan.phases:
        for index in range(phase.tasks):
            manifest = Manifest.load(workspace.manifest(phase, index))
            if manifest is not None:
                assert manifest.started >= inputs_complete(plan, phase, index, workspace), (phase.name, index)


def inputs_complete(plan: Plan, phase: PlannedPhase, index: int, workspace: Workspace) -> float:
    """When the last manifest of what a task reads was written; fails if there is none."""
    times = [0.0]
    for read in phase.reads:
        producer = plan.producer(read.output)
        for task in [index] if read.select == "same" else range(producer.tasks):
            times.append(workspace.manifest(producer, task).stat().st_mtime)
    return max(times)


def begun(run: Path) -> dict[str, set[int]]:
    """The tasks of each phase that computed anything, whatever came of it: their logs say so."""
    workspace = Workspace(run)
    return {
        phase.name: {index for index in range(phase.tasks) if workspace.log(phase, index).exists()}
        for phase in workspace.load_plan().phases
    }


def fails_once_and_goes_on(slurm_run: SlurmRun, failing: int, marker: Path, corpus: Path) -> Plan:
    """A task of `curate` is killed; what reads it does not compute, and the same command completes the run."""
    first = slurm_run("--wait", fault=f"batch@curate:{failing};parent;once={marker}")
    assert marker.exists() and first.returncode == 1, first.stderr
    plan = Workspace(slurm_run.out).load_plan()
    tasks = set(range(plan.phase("curate").tasks))
    assert f"1 of {len(tasks)} tasks of curate are not done (tasks {failing})" in first.stderr
    assert begun(slurm_run.out) == {
        "curate": tasks,
        "exact_dedup.keys": tasks - {failing},
        "exact_dedup.match": set(),
        "survivors": set(),
    }
    check_order(slurm_run.out)
    assert not (slurm_run.out / "documents").exists()
    second = slurm_run("--wait")
    assert second.returncode == 0, second.stderr
    check_order(slurm_run.out)
    assert f"curate: 1 of {len(tasks)} tasks to run" in second.stderr
    run(Recipe.load(slurm_run.recipe), [corpus], slurm_run.out.parent / "inline", executor="inline", quiet=True)
    assert published(slurm_run.out) == published(slurm_run.out.parent / "inline")
    assert not list(slurm_run.out.rglob(".tmp-*"))
    return plan


def test_a_task_that_fails_once_holds_back_what_reads_it_and_nothing_else(
    cluster: Path, lines: Path, tmp_path: Path
) -> None:
    """Six tasks a phase, so that each phase is two arrays."""
    slurm_run = SlurmRun(tmp_path, {**RECIPE, "task_bytes": "40kB"}, lines)
    fails_once_and_goes_on(slurm_run, 5, tmp_path / "marker", lines)


@pytest.mark.slow
def test_23_tasks_a_phase_in_arrays_of_5(cluster: Path, lines: Path, tmp_path: Path) -> None:
    corpus, recipe = tmp_path / "corpus", copy.deepcopy(RECIPE)
    corpus.mkdir()
    text = b"".join(path.read_bytes() for path in sorted(lines.iterdir())).splitlines(keepends=True)
    for number in range(23):
        (corpus / f"{number:02d}.txt").write_bytes(b"".join(text[number::23]))
    # A file is a task: none is larger, and no two fit into one.
    recipe["task_bytes"] = "14kB"
    recipe["stages"][3]["exact_dedup"]["buckets"] = 23
    plan = fails_once_and_goes_on(SlurmRun(tmp_path, recipe, corpus), 7, tmp_path / "marker", corpus)
    assert [phase.tasks for phase in plan.phases] == [23, 23, 23, 23]


def test_jobs_outlive_the_command_and_are_never_submitted_twice(cluster: Path, tmp_path: Path) -> None:
    """Interrupted while it waits, and asked again; the site file's environment and set-up reach the task."""
    (tmp_path / "a.txt").write_text("sleep\n")
    slurm_run = SlurmRun(tmp_path, {"name": "greedy", "stages": GREEDY}, tmp_path / "a.txt")
    slurm = {"environment": {"GREEDY_SECONDS": 8}, "set_up": [f"hostname > {tmp_path / 'set-up'}"]}
    slurm_run.site.write_text(yaml.safe_dump({"executor": "slurm", "slurm": slurm}))
    waiting = slurm_run.start("--wait")
    wait_until(lambda: any("RUNNING" in line for line in queue()), "running job")
    waiting.send_signal(signal.SIGINT)
    _, errors = waiting.communicate(timeout=60)
    assert waiting.returncode == 1 and "no longer waiting; the jobs go on" in errors
    recipe, corpus = Recipe.load(slurm_run.recipe), [tmp_path / "a.txt"]
    for attempt in (
        partial(run, recipe, corpus, slurm_run.out, "local"),
        partial(run, recipe, corpus, slurm_run.out, "ray"),
        partial(write_plan, recipe, corpus, slurm_run.out),
        partial(find_cleaning, Workspace(slurm_run.out)),
    ):
        with pytest.raises(RunError, match="2 of this run's jobs are queued or running on Slurm"):
            attempt()
    again = slurm_run()
    assert again.returncode == 1 and again.stderr.count("\n") == 1
    assert "2 of this run's jobs are queued or running on Slurm, so nothing was begun" in again.stderr
    assert len(queue()) == 2
    wait_until(lambda: not queue(), "end of the jobs")
    assert (tmp_path / "set-up").exists()
    (printed,) = slurm_run.out.glob("work/curate-*/jobs/*_0.out")
    assert printed.read_text().startswith("compiling kernels, once for each version")
    done = slurm_run()
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "read 1 = kept 1 + dropped 0 + quarantined 0")
    assert (slurm_run.out / "documents").is_dir()


def test_a_task_past_its_limit_fails_the_run_with_what_to_raise(cluster: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hoard\n")
    slurm_run = SlurmRun(tmp_path, {"name": "greedy", "stages": GREEDY}, tmp_path / "a.txt")
    slurm_run.site.write_text("executor: slurm\nslurm: {environment: {GREEDY_SECONDS: 600}}\n")
    ended = slurm_run("--wait", "--task-memory", "500MB", "--task-seconds", "900")
    message = "1 of 1 tasks of curate failed: curate task 0: it took more memory than 500.0MB; raise --task-memory"
    assert ended.returncode == 1 and message in ended.stderr
    assert f"see `corpusmill logs {slurm_run.out} curate:0`" in ended.stderr
    (failure,) = slurm_run.out.glob("work/curate-*/failures/00000.json")
    assert "raise --task-memory" in json.loads(failure.read_text())["message"]


def test_a_set_up_that_fails_is_found_from_the_command_that_waits(cluster: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one line\n")
    slurm_run = SlurmRun(tmp_path, {"name": "greedy", "stages": GREEDY}, tmp_path / "a.txt")
    slurm_run.site.write_text("executor: slurm\nslurm: {set_up: [cd /, cat absent]}\n")
    ended = slurm_run("--wait")
    (jobs,) = slurm_run.out.glob("work/curate-*/jobs")
    assert ended.returncode == 1 and f"what they printed lies in {jobs})" in ended.stderr
    (printed,) = jobs.glob("*_0.out")
    assert "corpusmill: the job ended before its task (exit status 1) at: cat absent; " in printed.read_text()
    with pytest.raises(RecipeError, match=f"what its Slurm jobs printed lies in {jobs}"):
        read_log(slurm_run.out, "curate:0")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("slurm: {partition: nowhere}", "invalid partition specified: nowhere"),
        ("slurm: {partitoin: main}", "unknown key 'slurm.partitoin'; did you mean 'partition'?"),
        ("slurm: {options: [exclude=n1]}", "slurm.options.0: String should match pattern"),
    ],
)
def test_a_wrong_site_file_is_one_line_and_submits_nothing(
    cluster: Path, lines: Path, tmp_path: Path, settings: str, says: str
) -> None:
    slurm_run = SlurmRun(tmp_path, RECIPE, lines)
    slurm_run.site.write_text(f"executor: slurm\n{settings}\n")
    refused = slurm_run("--quiet")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1 and says in refused.stderr
    assert not queue()
