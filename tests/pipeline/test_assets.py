"""What a task makes of lists and models is what was planned, whatever happens to their files in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from inspector.run_report import run_report
from pipeline import Recipe, run
from pipeline.errors import RecipeError
from pipeline.executors.base import TaskFailure
from pipeline.executors.isolated import run_isolated
from pipeline.executors.limits import Limits
from pipeline.preparation import write_plan
from pipeline.status import read_status
from stages.base import Transform
from tests.pipeline.conftest import published


class EditedBySomebody(Transform):
    """While it has its first rows, somebody appends to a file of lists."""

    name: ClassVar[str] = "edited_by_somebody"
    edited: str

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.num_rows:
            with Path(self.edited).open("a") as stream:
                stream.write("two\n")
        return batch


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    texts = (f"{word} line, {number}" for number in range(1000) for word in ("one", "two", "three"))
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (tmp_path / "words.txt").write_text("one\n")
    return tmp_path / "in.jsonl"


def recipe(corpus: Path, *before: dict) -> Recipe:
    stages = ["jsonl", *before, {"bad_words": {"lists": [str(corpus.with_name("words.txt"))]}}]
    return Recipe.parse({"name": "assets", "batch_bytes": "8kB", "stages": stages})


def edit(file: Path) -> None:
    file.write_text("two\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [(edit, "words.txt: has changed since the plan was made"), (Path.unlink, "words.txt, named by lists")],
)
def test_a_list_that_changed_after_planning_fails_the_task_and_is_planned_anew(
    corpus: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    words = tmp_path / "words.txt"
    write_plan(recipe(corpus), [corpus], tmp_path / "run")
    change(words)

    outcome = run_isolated(tmp_path / "run", "curate", 0, Limits())

    assert isinstance(outcome, TaskFailure) and outcome.mendable
    assert message in outcome.message
    words.write_text("two\n")
    for out in ("run", "fresh"):
        run(recipe(corpus), [corpus], tmp_path / out, executor="inline", quiet=True)
    assert published(tmp_path / "run") == published(tmp_path / "fresh")


def test_a_list_edited_while_a_task_runs_leaves_nothing_decided_by_two_lists(corpus: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    editing = {"tests.pipeline.test_assets:EditedBySomebody": {"edited": str(words)}}

    with pytest.raises(RecipeError, match=r"words.txt: has changed since the plan was made; repeat the run"):
        run(recipe(corpus, editing), [corpus], tmp_path / "run", executor="inline", quiet=True)

    assert not (tmp_path / "run" / "documents").exists()
    assert not list((tmp_path / "run" / "work").glob("curate-*/documents/*"))
    for out in ("run", "fresh"):
        run(recipe(corpus), [corpus], tmp_path / out, executor="inline", quiet=True)
    assert published(tmp_path / "run") == published(tmp_path / "fresh")


def test_a_finished_run_is_told_of_without_the_lists_that_made_it(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.txt").write_text("bad.org\n")
    stages = ["jsonl", {"url_filter": {"block_hosts": [str(tmp_path / "hosts.txt")]}}]
    done = Recipe.parse({"name": "assets", "stages": stages})
    run(done, [corpus], tmp_path / "run", executor="inline", quiet=True)

    (tmp_path / "hosts.txt").unlink()

    assert read_status(tmp_path / "run").state == "complete"
    assert run_report(tmp_path / "run")["funnel"][-1]["rows_out"] == 3000
    with pytest.raises(RecipeError, match=r"hosts.txt, named by block_hosts of stage 'url_filter', is no file"):
        run(done, [corpus], tmp_path / "run", executor="inline", quiet=True)
