"""Disks that are full or read-only and inputs that change end a run in a clear state; the same command goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from pipeline import Recipe, run
from pipeline.batches import source_batches
from pipeline.errors import RecipeError, RunError
from pipeline.executors import repeats
from pipeline.executors.base import TaskFailure
from pipeline.executors.isolated import run_isolated
from pipeline.executors.limits import Limits
from pipeline.preparation import write_plan
from pipeline.status import read_status
from tests.pipeline.conftest import RECIPE, published

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def undisturbed(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    return published(out)


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    """Calls mount(8) with the given arguments, the last of which is the place; skips where that is not allowed."""
    with ExitStack() as mounted:

        def call(*arguments: str | Path) -> None:
            done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip(f"may not mount: {done.stderr.strip()}")
            if "remount" not in str(arguments):
                mounted.callback(subprocess.run, ["umount", str(arguments[-1])], check=True)

        if shutil.which("mount") is None or os.geteuid() != 0:
            pytest.skip("only root may mount")
        yield call


@pytest.mark.parametrize(("executor", "room"), [("inline", 120_000), ("local", 300_000)])
def test_a_full_disk_is_told_with_the_path_and_the_run_goes_on_once_there_is_room(
    lines: Path,
    undisturbed: dict[str, str],
    tmp_path: Path,
    mount: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    executor: str,
    room: int,
) -> None:
    monkeypatch.setattr(repeats, "PAUSES", (0.01, 0.02, 0.03))
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", disk)
    messages: list[str] = []
    # From no room at all, some more after every failure: planning, tasks and publishing run out of it in turn.
    while not (disk / "run" / "documents").exists() and len(messages) < 20:
        (disk / "filler").unlink(missing_ok=True)
        room_now = room * bool(messages)
        (disk / "filler").write_bytes(b"x" * max(0, shutil.disk_usage(disk).free - room_now))
        try:
            run(Recipe.parse(RECIPE), [lines], disk / "run", executor, 2, quiet=True)
        except (OSError, RunError, RecipeError) as error:
            messages.append(str(error))
    assert len(messages) > 1
    assert all("No space left on device" in message and str(disk) in message for message in messages)
    run(Recipe.parse(RECIPE), [lines], disk / "run", executor, 2, quiet=True)
    assert published(disk / "run") == undisturbed


def test_a_read_only_output_is_told_with_the_path(
    lines: Path, undisturbed: dict[str, str], tmp_path: Path, mount: Callable[..., None]
) -> None:
    out = tmp_path / "run"
    (out / "work").mkdir(parents=True)
    (out / ".driver.lock").touch()
    mount("--bind", out / "work", out / "work")
    mount("-o", "remount,bind,ro", out / "work")
    with pytest.raises(RecipeError, match=rf"{out / 'work'}.*: Read-only file system"):
        run(Recipe.parse(RECIPE), [lines], out, executor="local", workers=2, quiet=True)
    mount("-o", "remount,bind,rw", out / "work")
    mount("--bind", out, out)
    mount("-o", "remount,bind,ro", out)
    with pytest.raises(RecipeError, match=rf"{out}: cannot be written: Read-only file system"):
        run(Recipe.parse(RECIPE), [lines], out, executor="local", workers=2, quiet=True)
    mount("-o", "remount,bind,rw", out)
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == undisturbed
    mount("-o", "remount,bind,ro", out)
    assert read_status(out).state == "complete"


def shorten(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def change_in_place(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"word", b"fowl"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shorten, r"part-1.txt: has changed since the plan was made"),
        (change_in_place, r"part-1.txt: has changed since the plan was made"),
        (Path.unlink, r"part-1.txt: is gone since the plan was made"),
    ],
)
def test_an_input_that_changed_after_planning_fails_the_task_and_is_planned_anew(
    lines: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    corpus, out, recipe = tmp_path / "in", tmp_path / "run", Recipe.parse(RECIPE)
    shutil.copytree(lines, corpus)
    plan = write_plan(recipe, [corpus], out)
    change(corpus / "part-1.txt")
    files = [splits[0].file for splits in plan.phase("curate").splits]
    outcome = run_isolated(out, "curate", files.index("part-1.txt"), Limits())
    assert isinstance(outcome, TaskFailure)
    assert message in outcome.message and outcome.mendable
    assert run_isolated(out, "curate", files.index("part-0.txt"), Limits()) == "done"
    result = run(recipe, [corpus], out, executor="inline", quiet=True)
    assert result.skipped["curate"] == 1
    run(recipe, [corpus], tmp_path / "fresh", executor="inline", quiet=True)
    assert published(out) == published(tmp_path / "fresh")


def test_an_input_that_changes_while_it_is_read_is_noticed(lines: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "in"
    shutil.copytree(lines, corpus)
    plan = write_plan(Recipe.parse(RECIPE), [corpus], tmp_path / "run")
    batches = source_batches(plan, plan.phase("curate").splits[0][0], "lines")
    next(batches)
    shorten(corpus / "part-0.txt")
    with pytest.raises(RecipeError, match=r"part-0.txt: has changed"):
        list(batches)


def test_what_killed_writers_left_anywhere_is_cleared_away(
    lines: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    curate = next(out.glob("work/curate-*"))
    torn = [curate / "documents" / ".tmp-4711-0badcafe-part-00001.parquet", out / ".tmp-4711-0badcafe-plan.json"]
    torn += [out / ".tmp-documents" / "part-00000.parquet", curate / "manifests" / ".tmp-12-0badcafe-00000.json"]
    for file in torn:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"PAR1 torn")
    manifest = curate / "manifests" / "00001.json"
    manifest.write_text(manifest.read_text()[:100])
    (curate / "running").mkdir(exist_ok=True)
    (curate / "running" / "00001.json").write_text('{"pid": 4711, "started": 0, "att')
    result = run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert result.ran["curate"] == 1
    assert published(out) == undisturbed
    assert not list(out.rglob(".tmp-*")) and not list(out.glob("work/*/running/*"))


def corpusmill(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "corpusmill", *map(str, arguments)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_second_driver_is_told_of_the_first_and_goes_on_after_its_death(
    lines: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out, recipe = tmp_path / "run", tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    command = ("run", recipe, "--in", lines, "--out", out, "--workers", "1", "--quiet")
    # A batch that holds a byte until a limit ends it, which nobody set, holds the first driver up.
    first = corpusmill(*command, CORPUSMILL_FAULT="batch@curate:1;memory=1")
    while not list(out.glob("work/curate-*/running/00001.json")):
        assert first.poll() is None
    second = corpusmill(*command)
    told = second.communicate(timeout=120)[1]
    assert (second.returncode, told.count("\n")) == (1, 1)
    assert f"another driver (process {first.pid} on " in told
    first.kill()
    first.communicate()
    third = corpusmill(*command)
    assert third.communicate(timeout=120)[1] == "" and third.returncode == 0
    assert published(out) == undisturbed


def test_the_same_task_twice_at_once_leaves_the_same_bytes(
    lines: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write_plan(Recipe.parse(RECIPE), [lines], out)
    pair = [corpusmill("task", out, "curate", "0") for _ in range(2)]
    ends = [process.communicate(timeout=120)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert set(ends) <= {"curate:0 done\n", "curate:0 finished before\n"}
    result = run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert result.skipped["curate"] == 1
    assert published(out) == undisturbed
