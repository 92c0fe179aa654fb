"""Cleaning frees what nothing needs, says how much, and leaves a run that is done and can be changed."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from pipeline import Recipe, run
from pipeline.clean import clean, find_cleaning
from pipeline.errors import RunError
from pipeline.lock import LOCK_NAME, driver_lock
from pipeline.status import read_status
from pipeline.workspace import Workspace
from tests.pipeline.conftest import RECIPE, published
from tests.pipeline.test_status import mark
from tests.test_front_door import corpusmill


@pytest.fixture(scope="module")
def finished(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    return out


@pytest.fixture
def cleaned(lines: Path, tmp_path: Path) -> Path:
    """A run of its own, for copies have no links to their published folders, and cleaned."""
    out = tmp_path / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    clean(find_cleaning(Workspace(out)), Workspace(out))
    return out


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below a folder but the lock, each counted once however many names it has."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != LOCK_NAME]
    return sum({s.st_ino: s.st_size for s in (path.stat() for path in files)}.values())


def later(drop_if: str) -> Recipe:
    return Recipe.parse(
        {**RECIPE, "stages": [*RECIPE["stages"][:-1], {"filter": {"name": "too_long", "drop_if": drop_if}}]}
    )


def test_what_is_said_is_freed_and_the_run_stays_done(lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    before, results = disk_bytes(out), published(out)
    cleaning = find_cleaning(Workspace(out))
    assert cleaning.frees > 0
    survivors = next(part for part in cleaning.phases if part.phase.name == "survivors")
    assert survivors.reasons == {"is documents/", "is rejects/"}
    clean(cleaning, Workspace(out))
    records = sum(path.stat().st_size for path in (out / "work").glob("*/cleaned.json"))
    assert before - disk_bytes(out) == cleaning.frees - records
    assert find_cleaning(Workspace(out)).empty
    result = run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert not sum(result.ran.values()) and result.totals.balanced() and result.totals.complete
    assert published(out) == results and read_status(out).state == "complete"


def test_copies_that_are_published_free_their_intermediates(lines: Path, finished: Path, tmp_path: Path) -> None:
    """A copied run directory is as one on a storage without links."""
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    clean(find_cleaning(Workspace(out)), Workspace(out))
    assert not list((out / "work").glob("*/*/*.parquet"))
    assert not sum(run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True).ran.values())
    shutil.rmtree(out / "documents")
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)


def test_a_later_change_runs_what_it_needs_again_and_says_why(
    lines: Path, cleaned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = later("length_characters > 300")
    result = run(changed, [lines], cleaned, executor="inline")
    assert "curate runs again: " in capsys.readouterr().err
    assert all(result.ran.values())
    run(changed, [lines], tmp_path / "fresh", executor="inline", quiet=True)
    assert published(cleaned) == published(tmp_path / "fresh")
    assert not sum(run(changed, [lines], cleaned, executor="inline", quiet=True).ran.values())


def test_a_later_stage_reads_what_stayed_without_running_the_rest(lines: Path, cleaned: Path, tmp_path: Path) -> None:
    longer = Recipe.parse({**RECIPE, "stages": [*RECIPE["stages"], {"train_tokenizer": {"vocab_size": 300}}]})
    result = run(longer, [lines], cleaned, executor="inline", quiet=True)
    assert {phase for phase, ran in result.ran.items() if ran} == {"train_tokenizer.count", "train_tokenizer.train"}
    run(longer, [lines], tmp_path / "fresh", executor="inline", quiet=True)
    assert published(cleaned) == published(tmp_path / "fresh")


def test_a_changed_input_runs_the_intermediates_again(lines: Path, tmp_path: Path) -> None:
    corpus, out = tmp_path / "in", tmp_path / "run"
    shutil.copytree(lines, corpus)
    run(Recipe.parse(RECIPE), [corpus], out, executor="inline", quiet=True)
    clean(find_cleaning(Workspace(out)), Workspace(out))
    text = (corpus / "part-2.txt").read_text()
    (corpus / "part-2.txt").write_text(text[:-10] + "different\n")
    run(Recipe.parse(RECIPE), [corpus], out, executor="inline", quiet=True)
    run(Recipe.parse(RECIPE), [corpus], tmp_path / "fresh", executor="inline", quiet=True)
    assert published(out) == published(tmp_path / "fresh")


def test_an_unfinished_run_keeps_what_it_will_read(lines: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    workspace = Workspace(out)
    survivors = workspace.load_plan().phase("survivors")
    workspace.manifest(survivors, 0).unlink()
    cleaning = find_cleaning(workspace)
    frees = {part.phase.name: part.frees for part in cleaning.phases}
    assert frees["exact_dedup.keys"] > 0 and frees["exact_dedup.match"] == frees["survivors"] == 0
    clean(cleaning, workspace)
    result = run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert {phase: ran for phase, ran in result.ran.items() if ran} == {"survivors": 1}
    assert published(out) == published(finished)


def test_a_run_at_work_is_left_alone(lines: Path, cleaned: Path) -> None:
    with driver_lock(cleaned):
        refused = corpusmill("clean", cleaned, "--yes")
    assert refused.returncode == 1 and "another driver" in refused.stderr
    workspace = Workspace(cleaned)
    workspace.manifest(workspace.load_plan().phases[0], 0).unlink()
    mark(cleaned, 0, "elsewhere", 1, age=20, heard=5)
    for attempt in (
        partial(find_cleaning, workspace),
        partial(run, later("length_characters > 300"), [lines], cleaned, "local"),
    ):
        with pytest.raises(RunError, match=r"curate:0 runs \(process 1 on elsewhere\)"):
            attempt()


def test_the_command_says_first_and_removes_only_when_told(lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    (out / "work" / "curate-0123456789ab").mkdir()
    (out / "work" / "curate-0123456789ab" / "old").write_text("x" * 1000)
    (out / "documents" / ".tmp-1-aa-part").write_text("y" * 1000)
    before = disk_bytes(out)
    looked = corpusmill("clean", out, "--dry-run")
    assert looked.returncode == 0 and "is documents/" in looked.stdout and "earlier recipes" in looked.stdout
    assert corpusmill("clean", out).returncode == 2 and disk_bytes(out) == before
    assert corpusmill("clean", out, "--yes").returncode == 0
    assert not list(out.rglob(".tmp-*")) and not (out / "work" / "curate-0123456789ab").exists()
    assert corpusmill("clean", tmp_path / "absent").returncode == 2 and not (tmp_path / "absent").exists()
