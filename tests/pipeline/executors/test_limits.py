"""A task that passes a limit fails with one line and nothing else does; without the limit the run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import Recipe, run
from pipeline.errors import RecipeError, RunError
from pipeline.executors.limits import Limits

STAGES = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Greedy"]


@pytest.mark.parametrize(
    ("word", "limits", "message"),
    [
        ("sleep", Limits(seconds=15.0), "curate task 1: it took longer than 15 s; raise --task-seconds"),
        ("hoard", Limits(memory=500_000_000), "curate task 1: it took more memory than 500.0MB; raise --task-memory"),
    ],
)
def test_a_limit_fails_the_task_and_never_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, limits: Limits, message: str
) -> None:
    monkeypatch.setenv("GREEDY_SECONDS", "600")
    for number, text in enumerate(["one line", word, "another line"]):
        (tmp_path / f"{number}.txt").write_text(text + " " * 4000 + "\n")
    recipe = Recipe.parse({"name": "greedy", "task_bytes": 5000, "stages": STAGES})
    with pytest.raises(RunError, match="1 of 3 tasks of curate failed") as failed:
        run(recipe, [tmp_path], tmp_path / "run", workers=1, quiet=True, limits=limits)
    assert message in str(failed.value)
    monkeypatch.delenv("GREEDY_SECONDS")
    result = run(recipe, [tmp_path], tmp_path / "run", workers=1, quiet=True)
    assert (result.skipped["curate"], result.totals.kept, result.totals.quarantined) == (2, 3, 0)


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(RecipeError, match="--task-memory lots: write a size like 2GB"):
        Limits.parse("lots", None)
