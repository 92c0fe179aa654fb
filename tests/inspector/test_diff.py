"""The difference of two runs is the difference of what they published, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from inspector.diff import row_buckets
from inspector.diff.report import diff
from pipeline import Recipe, run

WORDS = "tests.pipeline.line_stages:Length"


def made(folder: Path, name: str, texts: list[str], *stages: Any, rejects: str = "full") -> Path:
    """A run over one file of texts, called alike for all runs."""
    place = folder / name
    place.mkdir()
    (place / "in.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in texts))
    recipe = Recipe.parse({"name": name, "rejects": rejects, "stages": ["jsonl", *stages]})
    run(recipe, [place / "in.jsonl"], place / "run", executor="inline", quiet=True)
    return place / "run"


TEXTS = [f"{'word ' * (number % 40)}{number:03}" for number in range(200)]


def short(least: int) -> dict[str, Any]:
    return {WORDS: {"label": "size", "least": least}}


def rows_of(run: Path) -> pl.DataFrame:
    """Outcome and text of every row, by its offset."""
    frames = []
    for file in sorted((run / "documents").glob("*")):
        frames.append(pl.read_parquet(file).select("offset", "text", outcome=pl.lit("kept")))
    for file in sorted((run / "rejects").glob("*")):
        frames.append(pl.read_parquet(file).select("offset", "text", outcome="rule"))
    return pl.concat(frames)


@pytest.mark.parametrize("bucket_rows", [10**6, 50], ids=["one bucket", "many buckets"])
def test_two_thresholds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket_rows: int) -> None:
    monkeypatch.setattr(row_buckets, "BUCKET_ROWS", bucket_rows)
    other = {"filter": {"name": "round", "drop_if": "length_characters % 25 = 3"}}
    first, second = made(tmp_path, "a", TEXTS, short(30)), made(tmp_path, "b", TEXTS, short(60), other)
    found = diff(first, second, 20)
    joined = rows_of(first).join(rows_of(second), on="offset")
    expected = joined.filter(pl.col("outcome") != pl.col("outcome_right")).group_by("outcome", "outcome_right").len()
    assert {(move["a"], move["b"], move["rows"]) for move in found["moves"]} == set(expected.rows())
    kept = joined.select(a=pl.col("outcome") == "kept", b=pl.col("outcome_right") == "kept")
    assert found["rows"]["kept_in_both"] == kept.filter("a", "b").height
    assert found["rows"]["kept_only_in_a"] == kept.filter(pl.col("a") & ~pl.col("b")).height
    assert sum(found["rows"].values()) == 200
    assert found["recipe"] == ["size.least 30 -> 60", "filter added"]
    assert found["inputs"]["same"] and not found["texts_changed"] and not found["columns_changed"]
    assert len(found["examples"]) == 20
    for example in found["examples"]:
        text = joined.row(by_predicate=pl.col("offset") == example["offset"], named=True)
        assert (example["a"], example["b"]) == (text["outcome"], text["outcome_right"])
        assert example["text"] == text["text"][:300]
        assert example["values"]["length_characters"][0] == len(text["text"])


def test_other_texts_and_values_are_counted(tmp_path: Path) -> None:
    first, second = made(tmp_path, "a", TEXTS, short(3)), made(tmp_path, "b", ["000!"], short(3))
    found = diff(first, second, 5)
    assert found["texts_changed"] == 1 and found["columns_changed"] == {"length_characters": 1}
    assert found["examples"][0]["b"] == "not read" or found["examples"][0]["text_b"] == "000!"
    assert found["inputs"]["files_changed"] == 1 and not found["inputs"]["same"]
    assert {"a": "kept", "b": "not read", "rows": 199} in found["moves"]


def test_a_run_that_keeps_no_rejects_leaves_open_what_it_did(tmp_path: Path) -> None:
    first = made(tmp_path, "a", TEXTS, short(30))
    second = made(tmp_path, "b", TEXTS, short(60), rejects="off")
    found = diff(first, second, 0)
    assert {move["b"] for move in found["moves"]} == {"not recorded"}
    assert found["rows"]["kept_only_in_b"] == 0 and found["rows"]["kept_only_in_a"] > 0


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    first = made(tmp_path, "a", TEXTS, short(30))
    found = diff(first, first, 20)
    assert not found["moves"] and not found["recipe"] and not found["examples"] and found["inputs"]["same"]
