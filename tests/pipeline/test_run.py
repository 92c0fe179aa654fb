"""A run accounts for every row, goes on where it stopped, and reruns only what a change touches."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import shutil
import threading
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from pipeline import Recipe, run
from pipeline.errors import RecipeError, RunError
from pipeline.lock import LOCK_NAME, driver_is_alive, driver_lock
from pipeline.totals import run_totals
from pipeline.workspace import Workspace
from tests.pipeline.conftest import RECIPE, published


def recipe(**changes: object) -> Recipe:
    data = copy.deepcopy(RECIPE)
    least = changes.pop("least", None)
    if least is not None:
        data["stages"][1]["tests.pipeline.line_stages:Length"]["least"] = least
    return Recipe.parse({**data, **changes})


@pytest.fixture(scope="module")
def finished(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    run(recipe(), [lines], out, executor="inline", quiet=True)
    return out


def test_every_line_is_kept_dropped_or_quarantined(lines: Path, finished: Path, tmp_path: Path) -> None:
    texts = [line for file in sorted(lines.glob("*.txt")) for line in file.read_text().splitlines()]
    seen: set[str] = set()
    expected: Counter[str] = Counter()
    for text in texts:
        if text.startswith("bad") or "raise" in text or "error" in text:
            expected["quarantined"] += 1
        elif len(text) < 3:
            expected["length_short"] += 1
        elif text in seen:
            expected["exact_duplicate"] += 1
        elif len(text) > 400:
            expected["too_long"] += 1
        else:
            expected["kept"] += 1
        seen.add(text)
    documents = pl.read_parquet(finished / "documents" / "*.parquet")
    rejects = pl.concat(
        [pl.read_parquet(file) for file in sorted((finished / "rejects").glob("*.parquet"))], how="diagonal"
    )
    found = Counter(rejects["rule"].fill_null("quarantined").to_list()) + Counter(kept=len(documents))
    assert found == expected
    identities = pl.concat([documents, rejects], how="diagonal").select("file", "offset", "ordinal")
    assert identities.n_unique() == len(texts)


def test_rejects_say_which_rule_and_values_dropped_a_row(finished: Path) -> None:
    rejects = pl.concat([pl.read_parquet(f) for f in (finished / "rejects").glob("*.parquet")], how="diagonal")
    short = rejects.filter(pl.col("rule") == "length_short").row(0, named=True)
    assert short["expression"] == "length_characters < 3"
    assert json.loads(short["values"]) == {"length_characters": 1}
    assert short["stage"] == "length" and short["outcome"] == "dropped" and short["text"] == "x"
    duplicate = rejects.filter(pl.col("rule") == "exact_duplicate").row(0, named=True)
    assert json.loads(duplicate["values"])["survivor"]["file"] == "part-0.txt"
    raised = rejects.filter(pl.col("error").str.contains("cannot bear")).row(0, named=True)
    assert raised["outcome"] == "quarantined" and "raise" in raised["text"]


def test_one_and_two_workers_give_the_same_bytes(lines: Path, finished: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        out = tmp_path / f"run-{workers}"
        run(recipe(), [lines], out, executor="local", workers=workers, quiet=True)
        assert published(out) == published(finished)


def test_batch_size_changes_no_byte(lines: Path, finished: Path, tmp_path: Path) -> None:
    run(recipe(batch_bytes="5kB"), [lines], tmp_path / "run", executor="inline", quiet=True)
    assert published(tmp_path / "run") == published(finished)


def test_another_split_size_keeps_the_same_documents(lines: Path, finished: Path, tmp_path: Path) -> None:
    run(recipe(task_bytes="7kB"), [lines], tmp_path / "run", executor="inline", quiet=True)
    kept = [
        pl.read_parquet(out / "documents" / "*.parquet").select("file", "offset", "text").sort("file", "offset")
        for out in (finished, tmp_path / "run")
    ]
    assert kept[0].equals(kept[1])


def test_a_finished_run_does_nothing_again(lines: Path, finished: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "moved"
    shutil.copytree(lines, elsewhere)
    for file in elsewhere.iterdir():
        os.utime(file, (1, 1))
    before = published(finished)
    result = run(recipe(), [elsewhere], finished, executor="inline", quiet=True)
    assert sum(result.ran.values()) == 0
    assert published(finished) == before


def test_a_changed_threshold_reruns_what_depends_on_it_and_says_why(
    lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    run(recipe(), [lines], out, executor="inline", quiet=True)
    later = recipe().to_data()
    later["stages"][-1]["filter"]["drop_if"] = "length_characters > 300"
    result = run(Recipe.parse(later), [lines], out, executor="inline")
    assert {phase for phase, ran in result.ran.items() if ran} == {"survivors"}
    assert "filter.drop_if" in capsys.readouterr().err
    result = run(recipe(least=5), [lines], out, executor="inline")
    said = capsys.readouterr().err
    assert all(result.ran.values())
    assert "length.least 3 -> 5" in said
    fresh = tmp_path / "fresh"
    run(recipe(least=5), [lines], fresh, executor="inline", quiet=True)
    assert published(out) == published(fresh)


def test_a_changed_file_reruns_its_task_and_names_it(
    lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, out = tmp_path / "in", tmp_path / "run"
    shutil.copytree(lines, corpus)
    run(recipe(), [corpus], out, executor="inline", quiet=True)
    text = (corpus / "part-2.txt").read_text()
    (corpus / "part-2.txt").write_text(text[:-10] + "different\n")
    result = run(recipe(), [corpus], out, executor="inline")
    assert 0 < result.ran["curate"] < result.ran["curate"] + result.skipped["curate"]
    assert "part-2.txt" in capsys.readouterr().err
    fresh = tmp_path / "fresh"
    run(recipe(), [corpus], fresh, executor="inline", quiet=True)
    assert published(out) == published(fresh)


def test_another_limit_is_named_and_no_file_blamed(
    lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(recipe(), [lines], tmp_path / "run", executor="inline", quiet=True, limit=20)
    run(recipe(), [lines], tmp_path / "run", executor="inline", limit=25)
    said = capsys.readouterr().err
    assert "runs because of --limit 20 -> 25" in said
    assert "part-" not in said


def test_a_changed_list_is_named_once_and_without_its_checksums(
    lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words.txt"
    data = recipe().to_data()
    data["stages"].insert(1, {"bad_words": {"lists": [str(words)]}})
    for text in ("one\n", "two\n"):
        words.write_text(text)
        run(Recipe.parse(data), [lines], tmp_path / "run", executor="inline")
    assert "runs because bad_words.lists/0 has other content\n" in capsys.readouterr().err


@pytest.mark.parametrize("policy", ["no_text", "off", {"sample": 0.5}])
def test_counts_are_complete_under_every_rejects_policy(lines: Path, finished: Path, tmp_path: Path, policy) -> None:
    totals = run(recipe(rejects=policy), [lines], tmp_path / "run", executor="inline", quiet=True).totals
    whole = run(recipe(), [lines], finished, executor="inline", quiet=True).totals
    assert (totals.read, totals.kept, totals.rules) == (whole.read, whole.kept, whole.rules)
    assert totals.balanced()
    files = list((tmp_path / "run" / "rejects").glob("*.parquet"))
    rows = sum(len(pl.read_parquet(file)) for file in files)
    assert rows == 0 if policy == "off" else rows > 0
    if policy == "no_text":
        assert all(pl.read_parquet(file)["text"].null_count() == len(pl.read_parquet(file)) for file in files)


def test_an_error_that_every_row_raises_fails_the_task(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("raise one\nraise two\n")
    with pytest.raises(RunError, match=r"every row.*cannot bear"):
        run(recipe(), [tmp_path / "in"], tmp_path / "run", executor="inline", quiet=True)


def test_a_second_driver_is_told_of_the_first(lines: Path, tmp_path: Path) -> None:
    with driver_lock(tmp_path / "run"), pytest.raises(RunError, match="another driver"):
        run(recipe(), [lines], tmp_path / "run", executor="inline", quiet=True)


def test_who_only_looks_whether_a_driver_is_there_keeps_none_away(tmp_path: Path) -> None:
    with driver_lock(tmp_path / "run"):
        assert driver_is_alive(tmp_path / "run")
    assert not driver_is_alive(tmp_path / "run")
    with (tmp_path / "run" / LOCK_NAME).open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        looked = threading.Timer(0.2, fcntl.flock, (looking, fcntl.LOCK_UN))
        looked.start()
        with driver_lock(tmp_path / "run"):
            looked.join()


def test_an_output_that_cannot_be_used_is_refused(lines: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecipeError, match="not a folder"):
        run(recipe(), [lines], tmp_path / "file", quiet=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    with pytest.raises(RecipeError, match="not a run directory"):
        run(recipe(), [lines], tmp_path / "other", quiet=True)


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_stage_may_leave_the_working_directory(
    lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    shutil.copytree(lines, tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    wandering = recipe(stages=["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Wandering"])
    result = run(wandering, ["in"], "run", executor=executor, workers=1, quiet=True)
    assert result.totals.kept and list((tmp_path / "run" / "documents").iterdir())


def test_columns_that_a_stage_declares_are_summed_over_the_rows_it_bore(tmp_path: Path) -> None:
    for number, text in enumerate(["raise\n", "one\ntwo\nerror\n", "", "abc\nraise\n"]):
        (tmp_path / f"{number}.txt").write_text(text)
    stages = [f"tests.pipeline.line_stages:{name}" for name in ("Lines", "Counted", "Length")]
    run(recipe(stages=stages), [tmp_path], tmp_path / "run", executor="inline", quiet=True)
    workspace = Workspace(tmp_path / "run")
    totals = run_totals(workspace.load_plan(), workspace)
    assert totals.counters == {"Counted.counted_texts": 3} and totals.quarantined == 3
