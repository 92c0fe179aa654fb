"""Any scheduler can drive a planned run task by task, in any order that respects what tasks read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import Recipe, run
from pipeline.completion import publish_run
from pipeline.errors import NotReady, RecipeError
from pipeline.executors.isolated import run_isolated
from pipeline.executors.limits import Limits
from pipeline.preparation import write_plan
from pipeline.workspace import Workspace
from tests.pipeline.conftest import RECIPE, published


def test_tasks_run_one_by_one_leave_what_a_run_leaves(lines: Path, tmp_path: Path) -> None:
    recipe = Recipe.parse(RECIPE)
    run(recipe, [lines], tmp_path / "whole", executor="inline", quiet=True)
    plan = write_plan(recipe, [lines], tmp_path / "piecemeal")
    for phase in plan.phases:
        for index in reversed(range(phase.tasks)):
            assert run_isolated(tmp_path / "piecemeal", phase.name, index, Limits()) == "done"
            assert run_isolated(tmp_path / "piecemeal", phase.name, index, Limits()) == "finished before"
    assert publish_run(tmp_path / "piecemeal").balanced()
    assert published(tmp_path / "piecemeal") == published(tmp_path / "whole")


def test_a_task_whose_inputs_are_not_complete_is_not_ready(lines: Path, tmp_path: Path) -> None:
    write_plan(Recipe.parse(RECIPE), [lines], tmp_path / "run")
    run_isolated(tmp_path / "run", "curate", 0, Limits())
    run_isolated(tmp_path / "run", "exact_dedup.keys", 0, Limits())
    with pytest.raises(NotReady, match=r"exact_dedup.keys task 1 has not finished"):
        run_isolated(tmp_path / "run", "exact_dedup.match", 0, Limits())
    with pytest.raises(RecipeError, match="has the tasks 0 to 2"):
        run_isolated(tmp_path / "run", "exact_dedup.match", 3, Limits())


def test_the_command_line_tells_not_ready_from_failed(lines: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))

    def corpusmill(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "corpusmill", *arguments], capture_output=True, text=True)

    out = str(tmp_path / "run")
    assert corpusmill("plan", str(recipe), "--in", str(lines), "--out", out).returncode == 0
    early = corpusmill("task", out, "survivors", "0")
    assert (early.returncode, early.stderr.count("\n")) == (75, 1)
    assert corpusmill("task", out, "curate", "1").stdout == "curate:1 done\n"
    assert corpusmill("task", out, "curate", "1").stdout == "curate:1 finished before\n"
    assert corpusmill("task", out, "curate", "99").returncode == 2


def test_a_task_says_that_it_compiles(lines: Path, tmp_path: Path) -> None:
    stages = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Compiling"]
    write_plan(Recipe.parse({"name": "compiling", "stages": stages}), [lines], tmp_path / "run")
    command = [sys.executable, "-m", "corpusmill", "task", str(tmp_path / "run"), "curate", "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "curate:0 done\n"
    assert done.stderr.startswith("compiling kernels, once for each version") and done.stderr.count("\n") == 1


def test_a_task_that_reads_a_damaged_file_has_its_writer_run_again(lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    whole = published(out)
    (file,) = out.glob("work/curate-*/documents/part-00001.arrow")
    file.write_bytes(bytes(file.stat().st_size))
    Workspace(out).manifest(Workspace(out).load_plan().phase("survivors"), 1).unlink()

    def task(phase: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "corpusmill", "task", str(out), phase, "1"]
        return subprocess.run(command, capture_output=True, text=True)

    failed = task("survivors")
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert f"{file}: is damaged, so curate task 1, which wrote it, must run again" in failed.stderr
    assert task("survivors").returncode == 75
    assert (task("curate").stdout, task("survivors").stdout) == ("curate:1 done\n", "survivors:1 done\n")
    assert publish_run(out).balanced() and published(out) == whole


def test_the_worked_example_of_schedulers_md_ends_in_published_folders(lines: Path, tmp_path: Path) -> None:
    recipe, corpus, out = tmp_path / "recipe.yaml", str(lines / "part-0.txt"), str(tmp_path / "run")
    recipe.write_text(yaml.safe_dump({**RECIPE, "task_bytes": "40kB"}))

    def corpusmill(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "corpusmill", *arguments], capture_output=True, text=True)

    plan = json.loads(corpusmill("plan", str(recipe), "--in", corpus, "--out", out, "--json").stdout)
    early = corpusmill("publish", out)
    assert (early.returncode, early.stderr.count("\n")) == (75, 1)
    assert "2 of 2 tasks of curate are not done (tasks 0, 1)" in early.stderr
    for phase in plan["phases"]:
        for index in range(phase["tasks"]):
            assert corpusmill("task", out, phase["name"], str(index)).returncode == 0
    assert corpusmill("publish", out).stdout.startswith("read 300 = kept ")
    run(Recipe.load(recipe), [corpus], tmp_path / "whole", executor="inline", quiet=True)
    assert published(tmp_path / "run") == published(tmp_path / "whole")
