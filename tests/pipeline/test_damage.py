"""Files that were damaged behind the engine's back are noticed, and the run that meets them mends them."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import polars as pl
import pytest

from pipeline import Recipe, run
from pipeline.clean import clean, find_cleaning
from pipeline.errors import RunError
from pipeline.healing import MOST_TIMES
from pipeline.task_inputs import TaskInputs
from pipeline.task_log import read_log
from pipeline.workspace import Workspace
from tests.pipeline.conftest import RECIPE, published


@pytest.fixture(scope="module")
def finished(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    return out


def flip(path: Path) -> None:
    """Change a tenth of the bytes, the size staying as it is."""
    data = bytearray(path.read_bytes())
    middle, tenth = len(data) // 2, max(1, len(data) // 10)
    data[middle : middle + tenth] = bytes(byte ^ 0xFF for byte in data[middle : middle + tenth])
    path.unlink()
    path.write_bytes(data)


def forget(out: Path, *phases: str) -> None:
    """Leave the run as if it had been stopped before these phases."""
    for phase in phases:
        for manifest in out.glob(f"work/{phase}-*/manifests/*.json"):
            manifest.unlink()


def starts(out: Path, task: str) -> int:
    """How often a task has run."""
    return read_log(out, task).count('"event": "started"')


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_damaged_intermediates_are_made_again_by_one_call(
    lines: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], executor: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    removals = max(out.glob("work/exact_dedup.match-*/removals/*.arrow"), key=lambda path: path.stat().st_size)
    index = int(removals.stem[-5:])
    Workspace(out).manifest(Workspace(out).load_plan().phase("exact_dedup.match"), (index + 1) % 3).unlink()
    damaged = [removals, *out.glob("work/exact_dedup.keys-*/keys/keys-0000[34].arrow")]
    damaged += out.glob("work/curate-*/documents/part-0000[12].arrow")
    for file in damaged:
        flip(file)
    forget(out, "survivors")
    result = run(Recipe.parse(RECIPE), [lines], out, executor, 2)
    said = capsys.readouterr().err
    assert sorted(result.damaged) == sorted(map(str, damaged))
    assert all(said.count(f"{file}: is damaged; ") == 1 for file in damaged)
    assert f"{damaged[-1]}: is damaged; curate task {int(damaged[-1].stem[-5:])}, which wrote it, runs again" in said
    assert published(out) == published(finished)
    assert [starts(out, f"curate:{task}") for task in range(4)] == [1, 2, 2, 1]
    assert f'"event": "damaged", "file": "{damaged[-1]}"' in read_log(out, "curate:1") + read_log(out, "curate:2")
    assert not list(out.glob("work/*/failures/*"))


def test_what_the_writer_of_a_damaged_file_reads_is_restored_when_it_was_cleaned_away(
    lines: Path, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    workspace = Workspace(out)
    workspace.manifest(workspace.load_plan().phase("survivors"), 0).unlink()
    clean(find_cleaning(workspace), workspace)
    assert not list(out.glob("work/exact_dedup.keys-*/keys/*"))
    flip(max(out.glob("work/exact_dedup.match-*/removals/*.arrow"), key=lambda path: path.stat().st_size))
    for file in out.glob("work/curate-*/documents/part-0000[12].arrow"):
        flip(file)
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)


def test_a_file_that_is_damaged_each_time_ends_the_run_and_is_not_left_published(
    lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    recipe = Recipe.parse({**RECIPE, "stages": [*RECIPE["stages"], {"train_tokenizer": {"vocab_size": 300}}]})

    def spoil(place: str) -> None:
        """What a bad disk does: to the file under both of its names, that in work/ and the published one."""
        for file in out.glob("work/survivors-*/documents/part-00001.parquet"):
            with file.open("r+b") as opened:
                opened.seek(file.stat().st_size // 2)
                opened.write(b"spoiled")
            os.utime(file, (0, 0))  # the clock of a file system may stand still for milliseconds

    monkeypatch.setattr("pipeline.driver.fault_point", spoil)
    with pytest.raises(RunError, match=r"part-00001\.parquet: is damaged again, though survivors task 1 .* 2 times"):
        run(recipe, [lines], out, executor="inline", quiet=True)
    assert starts(out, "survivors:1") == 1 + MOST_TIMES
    assert not (out / "documents").exists() and (out / "rejects").exists()
    monkeypatch.undo()
    run(recipe, [lines], out, executor="inline", quiet=True)
    run(recipe, [lines], tmp_path / "fresh", executor="inline", quiet=True)
    assert published(out) == published(tmp_path / "fresh")


def test_what_was_damaged_before_it_was_published_is_made_again(lines: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    damaged = list(out.glob("work/survivors-*/*/part-0000[13].parquet"))
    for file in damaged:
        flip(file)
    for folder in ("documents", "rejects"):
        shutil.rmtree(out / folder)
    result = run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert sorted(result.damaged) == sorted(map(str, damaged))
    assert {phase: ran for phase, ran in result.ran.items() if ran} == {"survivors": 2}
    assert published(out) == published(finished)


def test_damage_does_not_hide_what_else_failed(lines: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    flip(next(out.glob("work/curate-*/documents/part-00001.arrow")))
    forget(out, "survivors")
    rejects = next(out.glob("work/survivors-*/rejects"))
    shutil.rmtree(rejects)
    rejects.write_text("not a folder")
    with pytest.raises(RunError, match=r"survivors failed: .*part-00001\.arrow: is damaged, so curate task 1, .* must"):
        run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    rejects.unlink()
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)


def test_a_file_that_the_machine_cannot_open_is_not_taken_for_damaged(finished: Path) -> None:
    workspace = Workspace(finished)
    inputs = TaskInputs(workspace.load_plan(), workspace)
    assert inputs.parts("exact_dedup.keys")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            list(inputs.bucket("exact_dedup.keys", 0))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_damaged_published_file_is_published_anew(lines: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    file = out / "documents" / "part-00000.parquet"
    file.write_bytes(b"garbage")
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)
    file.unlink()
    shutil.copyfile(out / "documents" / "part-00001.parquet", file)
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)


@pytest.mark.parametrize("content", ["[]", '{"documents": 3}', "{", ""])
def test_a_damaged_record_of_what_is_published_does_not_matter(
    lines: Path, finished: Path, tmp_path: Path, content: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    (out / "published.json").write_text(content)
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)


def test_all_rejects_have_the_same_columns(finished: Path) -> None:
    rejects = pl.read_parquet(finished / "rejects" / "*.parquet")
    duplicates = rejects.filter(pl.col("rule") == "exact_duplicate")
    assert len(duplicates) > 0
    assert duplicates["expression"].null_count() == duplicates["values"].null_count() == 0
