"""A stop is never taken for success, and a second signal ends a stage that takes too long."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from pipeline import Recipe
from pipeline.errors import Stopped
from pipeline.executors.limits import Limits
from pipeline.executors.local import LocalExecutor
from pipeline.executors.worker import Worker
from pipeline.preparation import write_plan
from tests.pipeline.conftest import RECIPE

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("finished", [0, 1, 2])
def test_a_stop_at_any_moment_raises_stopped(lines: Path, tmp_path: Path, finished: int) -> None:
    plan = write_plan(Recipe.parse(RECIPE), [lines], tmp_path / "run")
    executor = LocalExecutor(1, Limits())

    def stop(tasks: int, rows: int) -> None:
        if tasks >= finished:
            executor.stop()

    try:
        with pytest.raises(Stopped):
            executor.run_phase(plan, tmp_path / "run", "curate", [0, 1], stop)
    finally:
        executor.close()


def test_a_second_signal_ends_a_stage_that_takes_too_long(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("sleep\n")
    stages = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Greedy"]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"name": "greedy", "stages": stages}))
    command = [sys.executable, "-m", "corpusmill", "run", str(tmp_path / "recipe.yaml"), "--workers", "1"]
    command += ["--in", str(tmp_path / "a.txt"), "--out", str(tmp_path / "run")]
    driver = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "GREEDY_SECONDS": "600"},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list((tmp_path / "run").glob("work/curate-*/running/*.json")):
        assert driver.poll() is None
        time.sleep(0.1)
    driver.send_signal(signal.SIGINT)
    assert driver.stderr is not None
    while "again to stop at once" not in driver.stderr.readline():
        assert driver.poll() is None
    driver.send_signal(signal.SIGTERM)
    assert driver.wait(timeout=60) == 1
    assert driver.stderr.read().splitlines() == ["corpusmill: stopped; the same command goes on"]


def test_a_plain_script_may_run_a_recipe(lines: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    script = tmp_path / "script.py"
    script.write_text(
        "from pipeline import Recipe, run\n"
        f"recipe = Recipe.load({str(tmp_path / 'recipe.yaml')!r})\n"
        f"result = run(recipe, [{str(lines)!r}], 'run', workers=2, quiet=True)\n"
        "print(result.totals.read)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("900\n", "")


def test_a_worker_whose_driver_died_with_an_answer_unread_ends_quietly(
    lines: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_plan(Recipe.parse(RECIPE), [lines], tmp_path / "run")
    ours, theirs = multiprocessing.Pipe()
    theirs.send("an answer")
    monkeypatch.setattr("pipeline.executors.worker.Pipe", lambda: (ours, theirs))
    worker = Worker(tmp_path / "run")
    worker.pipe.close()
    assert worker.ending() == 0 and "Traceback" not in capfd.readouterr().err
