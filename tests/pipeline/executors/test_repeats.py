"""What the machine failed is repeated, what comes again the same way is not."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from pipeline import Recipe, run
from pipeline.errors import RecipeError, RunError
from pipeline.executors import repeats
from pipeline.executors.isolated import run_isolated
from pipeline.executors.limits import Limits
from pipeline.preparation import write_plan
from pipeline.workspace import Workspace

STAGES = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Flaky"]
RECIPE = {"name": "flaky", "task_bytes": 5000, "stages": STAGES}


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three tasks, the second of which meets failures; pauses too short to wait for."""
    monkeypatch.setattr(repeats, "PAUSES", (0.01, 0.02, 0.03))
    monkeypatch.setenv("FLAKY_FAILURES", str(tmp_path / "failures"))
    (tmp_path / "failures").mkdir()
    (tmp_path / "in").mkdir()
    for number, text in enumerate(["one line", "a flaky line", "another line"]):
        (tmp_path / "in" / f"{number}.txt").write_text(text + " " * 4000 + "\n")
    return tmp_path / "in"


def plan_failures(tmp_path: Path, *numbers: int) -> None:
    for count, number in enumerate(numbers):
        (tmp_path / "failures" / f"{count}.{number}").touch()


def attempts(out: Path) -> list[int]:
    """How often each task of `curate` started."""
    workspace = Workspace(out)
    phase = workspace.load_plan().phase("curate")
    logs = [workspace.log(phase, index).read_text().splitlines() for index in range(phase.tasks)]
    return [sum(json.loads(line)["event"] == "started" for line in log) for log in logs]


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_task_that_the_machine_failed_is_repeated(corpus: Path, tmp_path: Path, executor: str) -> None:
    plan_failures(tmp_path, errno.ENOSPC, errno.ESTALE, errno.ECONNRESET)
    totals = run(Recipe.parse(RECIPE), [corpus], tmp_path / "run", executor, 1, quiet=True).totals
    assert (totals.read, totals.kept) == (3, 3)
    workspace = Workspace(tmp_path / "run")
    manifests = list(workspace.manifests(workspace.load_plan().phase("curate")))
    assert [manifest.attempt for manifest in manifests] == attempts(tmp_path / "run") == [1, 4, 1]
    assert not list((tmp_path / "run").glob("work/*/failures/*"))


def test_a_task_run_by_a_scheduler_is_repeated_too(corpus: Path, tmp_path: Path) -> None:
    plan_failures(tmp_path, errno.EIO)
    write_plan(Recipe.parse(RECIPE), [corpus], tmp_path / "run")
    assert run_isolated(tmp_path / "run", "curate", 1, Limits()) == "done"


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_failure_that_stays_fails_its_task_alone(corpus: Path, tmp_path: Path, executor: str) -> None:
    plan_failures(tmp_path, *[errno.EIO] * (repeats.REPEATS + 1))
    with pytest.raises(RunError, match=r"1 of 3 tasks of curate failed: curate task 1: .*Input/output error"):
        run(Recipe.parse(RECIPE), [corpus], tmp_path / "run", executor, 1, quiet=True)
    assert attempts(tmp_path / "run") == [1, repeats.REPEATS + 1, 1]
    result = run(Recipe.parse(RECIPE), [corpus], tmp_path / "run", executor, 1, quiet=True)
    assert (result.ran["curate"], result.totals.kept) == (1, 3)


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_what_the_user_must_mend_is_not_repeated(corpus: Path, tmp_path: Path, executor: str) -> None:
    plan_failures(tmp_path, errno.EACCES)
    with pytest.raises(RecipeError, match="Permission denied"):
        run(Recipe.parse(RECIPE), [corpus], tmp_path / "run", executor, 1, quiet=True)
    assert attempts(tmp_path / "run") == [1, 1, 1]


def test_an_error_of_a_stage_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("raise one\nraise two\n")
    stages = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Fragile"]
    with pytest.raises(RunError, match=r"every row.*cannot bear"):
        run(Recipe.parse({"name": "fragile", "stages": stages}), [tmp_path], tmp_path / "run", "inline", quiet=True)
    assert attempts(tmp_path / "run") == [1]


def test_pauses_grow_and_differ_from_task_to_task_but_not_from_run_to_run() -> None:
    pauses = [[repeats.pause_before("curate", index, repeat) for repeat in (1, 2, 3)] for index in range(10)]
    assert all(first < second < third for first, second, third in pauses)
    assert len({first for first, _, _ in pauses}) == 10
    assert pauses[0] == [repeats.pause_before("curate", 0, repeat) for repeat in (1, 2, 3)]
