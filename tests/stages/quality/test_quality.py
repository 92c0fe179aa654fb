"""A model of quality: trained on examples by hash, measured on rows it never saw, and scored as fastText scores it."""

import json
import random
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from pipeline import Recipe, run
from shards.commandline import run as run_commands
from stages.base import StageError
from stages.fasttext.training import TrainingSettings, labelled_line
from stages.quality.commands import app
from stages.quality.examples import Examples, held_out, limit_of, taken
from stages.quality.report import held_out_report
from stages.quality.stage import QualityFilter
from stages.quality.training import QualityTraining, report_path

pytestmark = pytest.mark.filterwarnings("ignore")

SMALL = TrainingSettings(dimensions=8, buckets=2000, epochs=3, learning_rate=0.3)


def sentences(count: int, good: bool, seed: int) -> list[str]:
    """Good and bad texts share words, and differ in how often these come and follow one another."""
    chooser = random.Random(seed)
    words = [f"word{number}" for number in range(60)]
    weights = [(1 + number % 7 if good else 7 - number % 7) for number in range(60)]
    texts = [" ".join(chooser.choices(words, weights, k=chooser.randint(8, 30))) for _ in range(count)]
    return [text.replace(" ", "\n", 1) for text in texts]


def write_lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    write_lines(folder / "good.jsonl", sentences(500, True, 1))
    write_lines(folder / "crawl.jsonl", sentences(900, False, 2))
    return folder


def training(folder: Path, **changes: Any) -> QualityTraining:
    sides = (Examples([folder / f"{name}.jsonl"]) for name in ("good", "crawl"))
    return QualityTraining(*sides, **{"held_out": 0.2, "settings": SMALL, **changes})


@pytest.fixture(scope="module", params=["hq.bin", "hq.ftz"])
def model(request: pytest.FixtureRequest, folder: Path) -> Path:
    training(folder).run(folder / request.param)
    return folder / request.param


def own_scores(model: Path, texts: list[str]) -> list[float]:
    """What fastText itself says."""
    predicted = fasttext.load_model(str(model)).predict([text.replace("\n", " ") for text in texts], k=2)
    return [dict(zip(*pair, strict=True))["__label__hq"] for pair in zip(*predicted, strict=True)]


def test_the_stage_scores_as_fasttext_does(model: Path) -> None:
    texts = [*sentences(50, True, 3), *sentences(50, False, 4), "", "only unknown words"]
    table = QualityFilter(model=model, min_score=0.5).apply(pa.table({"text": texts}))
    assert table.column("quality_score").to_pylist() == pytest.approx(own_scores(model, texts), abs=1e-5)
    dropped = [rule == "quality_score" for rule in table.column("rule").to_pylist()]
    assert dropped == [score < 0.5 for score in table.column("quality_score").to_pylist()]
    assert sum(dropped[:50]) < 5 and sum(dropped[50:100]) > 45
    assert QualityFilter(model=model).rules() == []


def test_the_report_is_of_rows_that_were_not_trained_on(model: Path, folder: Path) -> None:
    report = json.loads(report_path(model).read_text())
    apart: dict[str, list[float]] = {}
    for side, name in (("hq", "good"), ("cc", "crawl")):
        texts = [json.loads(line)["text"] for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        chosen = held_out(pa.array(texts), 0.2)
        assert report["rows"][side] == {
            "trained": len(texts) - int(chosen.sum()),
            "held_out": int(chosen.sum()),
            "unreadable": 0,
        }
        apart[side] = own_scores(model, [text for text, held in zip(texts, chosen, strict=True) if held])
    for row in report["held_out"]["thresholds"]:
        # Scores that lie at the threshold itself are fastText's to 1e-5 only.
        kept = {side: sum(score >= row["score"] - 1e-5 for score in scores) for side, scores in apart.items()}
        assert row["recall"] == pytest.approx(kept["hq"] / len(apart["hq"]), abs=0.011)
        assert row["precision"] == pytest.approx(kept["hq"] / sum(kept.values()), abs=0.011)
    tenth = next(row for row in report["held_out"]["thresholds"] if abs(row["kept_of_negatives"] - 0.1) < 0.01)
    assert tenth["recall"] > 0.9
    pairs = [(good > bad) + 0.5 * (good == bad) for good in apart["hq"] for bad in apart["cc"]]
    assert report["held_out"]["area_under_curve"] == pytest.approx(sum(pairs) / len(pairs), abs=1e-3)


def test_no_precision_is_claimed_where_nothing_is_kept() -> None:
    found = held_out_report(np.array([0.3, 0.4]), np.array([0.1, 0.2]))
    assert found["thresholds"][-1] == {"score": 0.5, "kept_of_negatives": 0.0, "precision": None, "recall": 0.0}
    assert found["area_under_curve"] == 1.0


def test_the_same_rows_give_the_same_model(folder: Path, tmp_path: Path) -> None:
    reports = [training(folder, rows=300).run(tmp_path / name) for name in ("one.bin", "two.bin")]
    assert (tmp_path / "one.bin").read_bytes() == (tmp_path / "two.bin").read_bytes()
    assert reports[0]["sha256"] == reports[1]["sha256"]
    assert [side["trained"] + side["held_out"] for side in reports[0]["rows"].values()] == [300, 300]


def test_which_rows_are_taken_depends_on_their_texts_alone(tmp_path: Path) -> None:
    texts = sentences(400, True, 5)
    chosen = []
    for name, order in (("a.jsonl", texts), ("b.jsonl", texts[::-1])):
        examples = Examples([write_lines(tmp_path / name, order)])
        column = pa.array(order)
        chosen.append(set(column.filter(pa.array(taken(column, limit_of(examples, 40)))).to_pylist()))
    assert chosen[0] == chosen[1] and len(chosen[0]) == 40


def test_examples_come_from_whatever_recipes_read(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", ["one"]).open("a").write("no json\n")
    pl.DataFrame({"text": ["two", None]}).write_parquet(tmp_path / "b.parquet")
    (tmp_path / "c.txt").write_text("three\nfour\n")
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    examples = Examples([tmp_path], lines=True)
    assert [text for batch in examples.read() for text in batch.to_pylist()] == ["one", "two", "three", "four"]
    assert examples.unreadable == 2
    with pytest.raises(StageError, match=r"notes\.pdf: holds no file that is read"):
        list(Examples([tmp_path / "notes.pdf"]).read())
    with pytest.raises(StageError, match="absent: no such file"):
        list(Examples([tmp_path / "absent"]).read())


def test_texts_cannot_forge_labels_or_ends_of_lines() -> None:
    assert labelled_line("cc", "__label__hq a\n</s> b").split() == ["__label__cc", "hq", "a", "b"]


def test_a_tenth_of_a_corpus_is_kept_by_the_threshold_that_is_found(model: Path, folder: Path, capsys: Any) -> None:
    arguments = ["threshold", str(model), str(folder / "crawl.jsonl"), "--keep", "0.1", "--json"]
    assert run_commands(app, "quality", arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["documents"], found["kept"]) == (900, 90)
    recipe = {"name": "r", "stages": ["jsonl", {"quality": {"model": str(model), "min_score": found["min_score"]}}]}
    result = run(Recipe.parse(recipe), [folder / "crawl.jsonl"], folder / f"run-{model.name}", executor="inline")
    assert (result.totals.read, result.totals.kept) == (900, 90)


def test_training_is_a_command_that_says_what_it_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    sides = ["--positive", str(folder / "good.jsonl"), "--negative", str(folder / "crawl.jsonl")]
    options = ["--dimensions", "4", "--buckets", "1000", "--epochs", "3", "--held-out", "0.2"]
    assert run_commands(app, "quality", ["train", *sides, *options, "--out", "new/hq.bin"]) == 0
    said = capsys.readouterr().out
    assert "precision" in said and "area under the curve" in said
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["hq.bin", "hq.bin.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "--positive", "few.jsonl", "--negative", "few.jsonl", "--out", "m.bin"],
            "3 rows, 0 of them held out",
        ),
        (
            ["train", "--positive", "content.jsonl", "--negative", "few.jsonl", "--out", "m.bin"],
            "none of 40 rows could be read; the first: content.jsonl: the field 'text' is missing (--text-field",
        ),
        (
            ["train", "--positive", "content.jsonl", "--negative", "few.jsonl", "--out", "m.bin", "--text-field", "c"],
            "at least 10 must be: give more rows, or --held-out 0.4",
        ),
        (["train", "--positive", "absent", "--negative", "few.jsonl", "--out", "m.bin"], "absent: no such file"),
        (["train", "--positive", "few.jsonl", "--negative", "few.jsonl", "--out", "m.txt"], "name it .bin"),
        (["threshold", "few.jsonl", "few.jsonl"], "few.jsonl is not a fastText model"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "few.jsonl", ["a", "b", "c"])
    (tmp_path / "content.jsonl").write_text("".join(f'{{"c": "text {n}"}}\n' for n in range(40)))
    assert run_commands(app, "quality", arguments) == 2
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said


def test_a_corpus_of_which_nothing_can_be_scored_says_why(model: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "content.jsonl").write_text('{"c": "text"}\n')
    assert run_commands(app, "quality", ["threshold", str(model), str(tmp_path / "content.jsonl")]) == 2
    said = capsys.readouterr().err
    assert "no documents to score: none of 1 rows could be read; the first:" in said
    assert "the field 'text' is missing (--text-field names" in said


def test_a_label_that_the_model_does_not_have_is_refused_with_the_plan(model: Path) -> None:
    with pytest.raises(StageError, match="has no label 'good'; it has cc, hq"):
        QualityFilter(model=model, label="good").assets()


def test_a_model_that_is_cut_short_is_refused_with_the_plan(model: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.bin").write_bytes(model.read_bytes()[:-100])
    with pytest.raises(StageError, match=r"cut\.bin is not a fastText model.*cut short"):
        QualityFilter(model=tmp_path / "cut.bin").assets()
