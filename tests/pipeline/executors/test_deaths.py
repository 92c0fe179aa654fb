"""A row that kills its worker ends quarantined and all others are kept; deaths by chance condemn no row."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipeline import Recipe, run
from pipeline.errors import RunError
from pipeline.executors import repeats
from pipeline.executors.isolated import run_isolated
from pipeline.executors.limits import Limits
from pipeline.preparation import write_plan
from tests.pipeline.conftest import RECIPE, published

LINES, DEADLY = "tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Deadly"
#: Deadly rows met in the first phase, and in the one after an exchange.
RECIPES = {
    "curate": {"name": "deadly", "task_bytes": 5000, "stages": [LINES, DEADLY]},
    "survivors": {"name": "deadly", "task_bytes": 5000, "stages": [LINES, {"exact_dedup": {"buckets": 2}}, DEADLY]},
}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "PAUSES", (0.01, 0.02, 0.03))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """60 lines in three tasks, two lines deadly."""
    (tmp_path / "in").mkdir()
    texts = [f"line {number:02d} {'word ' * 48}end" for number in range(60)]
    texts[17], texts[18] = "abort here", "abort there"
    (tmp_path / "in" / "a.txt").write_text("\n".join(texts) + "\n")
    return tmp_path / "in"


def run_by_scheduler(recipe: Recipe, corpus: Path, out: Path) -> None:
    plan = write_plan(recipe, [corpus], out)
    for phase in plan.phases:
        for index in range(phase.tasks):
            assert run_isolated(out, phase.name, index, Limits()) == "done"


@pytest.mark.parametrize(
    ("phase", "scheduler"),
    [
        ("survivors", False),
        ("curate", True),
        pytest.param("curate", False, marks=pytest.mark.slow),
        pytest.param("survivors", True, marks=pytest.mark.slow),
    ],
)
def test_rows_that_kill_their_worker_are_quarantined_and_all_others_kept(
    corpus: Path, tmp_path: Path, phase: str, scheduler: bool
) -> None:
    recipe, out = Recipe.parse(RECIPES[phase]), tmp_path / "run"
    if scheduler:
        run_by_scheduler(recipe, corpus, out)
    result = run(recipe, [corpus], out, workers=2, quiet=True)
    totals = result.totals
    assert (totals.read, totals.kept, totals.quarantined) == (60, 58, 2)
    rejects = pl.read_parquet(out / "rejects" / "*.parquet")
    assert rejects["text"].to_list() == ["abort here", "abort there"]
    assert rejects["offset"].to_list() == [17 * 252, 17 * 252 + 11]
    assert rejects["error"].str.contains("its worker died of it alone, twice").all()
    again = run(recipe, [corpus], out, workers=2, quiet=True)
    assert sum(again.ran.values()) == 0


@pytest.mark.parametrize("place", ["batch@curate:1;visit=2", "batch@survivors:1"])
def test_two_deaths_by_chance_quarantine_nothing(
    lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    run(Recipe.parse(RECIPE), [lines], tmp_path / "undisturbed", executor="inline", quiet=True)
    faults = [f"{place};once={tmp_path / name}" for name in ("first", "second")]
    monkeypatch.setenv("CORPUSMILL_FAULT", " ".join(faults))
    run(Recipe.parse(RECIPE), [lines], tmp_path / "run", workers=2, quiet=True)
    assert (tmp_path / "second").exists()
    assert not list((tmp_path / "run").glob("work/*/verdicts/*"))
    assert published(tmp_path / "run") == published(tmp_path / "undisturbed")


def test_a_task_whose_worker_always_dies_fails_with_one_line(
    lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORPUSMILL_FAULT", "batch@curate:1")
    with pytest.raises(RunError, match=r"1 of \d+ tasks of curate failed: curate task 1: its worker died 3 times"):
        run(Recipe.parse(RECIPE), [lines], tmp_path / "run", workers=2, quiet=True)
    assert not (tmp_path / "run" / "documents").exists()


def test_a_record_that_kills_the_reader_fails_its_task_and_the_file_is_named(tmp_path: Path) -> None:
    corpus, out = tmp_path / "in", tmp_path / "run"
    corpus.mkdir()
    for number, text in enumerate(["one line", "lethal line", "another line"]):
        (corpus / f"{number}.txt").write_text(f"{text}{' ' * 4000}\n")
    recipe = Recipe.parse({"name": "lethal", "task_bytes": 5000, "stages": [LINES]})
    with pytest.raises(RunError, match=r"1 of 3 tasks .* died 3 times \(SIGABRT\), last while it read 1.txt"):
        run(recipe, [corpus], out, workers=2, quiet=True)
    (corpus / "1.txt").write_text("mended line\n")
    result = run(recipe, [corpus], out, workers=2, quiet=True)
    assert (result.totals.kept, result.totals.quarantined) == (3, 0)
    assert result.skipped["curate"] == 2
