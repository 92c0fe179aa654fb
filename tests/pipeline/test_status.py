"""Status tells the truth of a run from its files alone, whoever runs it and however often it was stopped."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from array import array
from dataclasses import asdict
from pathlib import Path

import pytest

from pipeline import Recipe, run
from pipeline.errors import RunError
from pipeline.files import write_json
from pipeline.running_marker import SILENT_SECONDS, RunningMarker, marked_as_running, running_markers
from pipeline.status import PhaseStatus, covered_seconds, read_status
from pipeline.workspace import Workspace
from tests.pipeline.conftest import RECIPE
from tests.test_front_door import corpusmill


@pytest.fixture(scope="module")
def finished(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    return out


@pytest.fixture
def half_done(finished: Path, tmp_path: Path) -> Path:
    """A run of which the first phase has done its first half, and nobody is at work."""
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    workspace = Workspace(out)
    plan = workspace.load_plan()
    for phase in plan.phases:
        for index in range(phase.tasks // 2 if phase.name == "curate" else 0, phase.tasks):
            workspace.manifest(phase, index).unlink()
    return out


def mark(run: Path, index: int, host: str, pid: int, age: float, heard: float) -> None:
    """A marker of a task that began and was heard from so many seconds ago."""
    workspace, now = Workspace(run), time.time()
    phase = workspace.load_plan().phases[0]
    marker = RunningMarker(index, host, pid, now - age, 1, now - heard, 10)
    write_json(workspace.running(phase, index), asdict(marker))


def curate(run: Path) -> PhaseStatus:
    return read_status(run).phases[0]


def test_a_finished_run_says_rows_speed_and_what_was_slow(finished: Path) -> None:
    status = read_status(finished)
    phase = status.phases[0]
    assert (status.state, status.seconds_left, status.failures) == ("complete", 0.0, [])
    assert all(phase.done == phase.tasks and phase.waiting == 0 for phase in status.phases)
    assert phase.rows == 900 and phase.rows_per_second and phase.rows_per_second_per_worker
    assert len(status.slowest_finished) == 5
    assert {record.batch.largest.file for record in status.slowest_records} <= {f"part-{n}.txt" for n in range(3)}


def test_a_run_resumed_counts_every_row_once(lines: Path, half_done: Path) -> None:
    assert 0 < (curate(half_done).rows or 0) < 900 and read_status(half_done).state == "stopped"
    run(Recipe.parse(RECIPE), [lines], half_done, executor="inline", quiet=True)
    assert curate(half_done).rows == 900


def test_wall_time_is_the_time_in_which_some_task_ran() -> None:
    starts, ends = array("d", [100, 0, 2, 3]), array("d", [104, 5, 4, 7])
    assert covered_seconds(starts, ends) == 7 + 4


def test_another_machine_s_task_counts_as_long_as_it_is_heard_of(half_done: Path) -> None:
    left = curate(half_done).tasks - curate(half_done).done
    rows = curate(half_done).rows or 0
    mark(half_done, curate(half_done).tasks - 1, "elsewhere", 1, age=20, heard=5)
    status = read_status(half_done)
    phase = status.phases[0]
    assert (status.state, phase.running, phase.waiting, phase.rows) == ("running", 1, left - 1, rows + 10)
    assert [task.state for task in status.slowest_running] == ["running"]
    assert phase.seconds_left is not None and status.seconds_left is None
    mark(half_done, phase.tasks - 1, "elsewhere", 1, age=SILENT_SECONDS + 100, heard=SILENT_SECONDS + 50)
    status = read_status(half_done)
    phase = status.phases[0]
    assert (status.state, phase.running, phase.silent, phase.waiting) == ("stopped", 0, 1, left - 1)


def test_a_process_that_died_here_does_not_run_however_fresh_its_marker(half_done: Path) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    left = curate(half_done).waiting
    mark(half_done, curate(half_done).tasks - 1, os.uname().nodename, process.pid, age=20, heard=1)
    assert (curate(half_done).running, curate(half_done).waiting) == (0, left)


def test_a_marker_that_is_torn_is_no_task(half_done: Path) -> None:
    workspace = Workspace(half_done)
    phase = workspace.load_plan().phases[0]
    workspace.running(phase, 0).parent.mkdir(exist_ok=True)
    workspace.running(phase, 7).write_text('{"pid": ')
    assert read_status(half_done).phases[0].running == 0


def test_a_task_tells_its_rows_while_it_runs_and_leaves_no_marker(
    half_done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.running_marker.RENEW_SECONDS", 0.01)
    workspace = Workspace(half_done)
    phase = workspace.load_plan().phases[0]
    rows = [1]
    with marked_as_running(workspace.running(phase, 7), 7, 2, lambda: rows[0]):
        assert [(marker.index, marker.attempt, marker.rows) for marker in running_markers(workspace, phase)] == [
            (7, 2, 1)
        ]
        rows[0] = 5
        while running_markers(workspace, phase)[0].rows != 5:
            time.sleep(0.01)
    assert running_markers(workspace, phase) == []


def test_a_failure_is_named_with_its_log_until_the_task_runs_again(lines: Path, tmp_path: Path) -> None:
    broken = {**RECIPE, "stages": [RECIPE["stages"][0], "tests.pipeline.line_stages:Broken"]}
    out = tmp_path / "run"
    with pytest.raises(RunError):
        run(Recipe.parse(broken), [lines], out, executor="inline", quiet=True)
    status = read_status(out)
    assert status.state == "failed" and status.phases[0].failed == status.phases[0].tasks
    shown = corpusmill("status", out).stdout
    assert "nothing fits" in shown and f"corpusmill logs {out} curate:0" in shown
    assert "curate:3 failed: stage 'Broken' fails on every row" in corpusmill("logs", out).stdout
    mark(out, 3, "elsewhere", 1, age=20, heard=5)
    status = read_status(out)
    assert "curate:3" not in {failure.task for failure in status.failures} and status.phases[0].running == 1


def test_watching_in_a_log_ends_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREEDY_SECONDS", "1")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a line to sleep over\n" * 4)
    recipe = Recipe.parse({**RECIPE, "stages": [RECIPE["stages"][0], "tests.pipeline.line_stages:Greedy"]})
    out = tmp_path / "run"
    work = threading.Thread(
        target=run, args=(recipe, [tmp_path / "in"], out), kwargs={"executor": "inline", "quiet": True}
    )
    work.start()
    while not (out / "plan.json").exists() or not curate(out).running:
        time.sleep(0.05)
    watched = corpusmill("status", out, "--watch")
    work.join()
    assert watched.returncode == 0
    assert "curate: 0/1 done, 1 running" in watched.stdout and "state: complete" in watched.stdout
