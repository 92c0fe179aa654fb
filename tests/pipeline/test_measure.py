"""Measurements added to a finished run are those that the stage would have made in it, and rewrite nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline import Recipe, run
from pipeline.errors import RecipeError
from pipeline.measure import Measured, measure
from pipeline.progress import Progress
from tests.pipeline.conftest import published

LINES, LENGTH, FRAGILE = (f"tests.pipeline.line_stages:{name}" for name in ("Lines", "Length", "Fragile"))
UNIQUE = {"exact_dedup": {"buckets": 2}}


def run_lines(lines: Path, out: Path, *stages: Any) -> Path:
    recipe = {"name": "lines", "task_bytes": "20kB", "stages": [LINES, UNIQUE, *stages]}
    run(Recipe.parse(recipe), [lines], out, executor="inline", quiet=True)
    return out


def measured(run: Path, stage: str, *changes: str, label: str | None = None, rejects: bool = False) -> Measured:
    return measure(run, stage, changes, label, rejects, Progress(quiet=True))


def table(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file) for file in sorted(folder.glob("*.parquet"))], how="diagonal_relaxed")


@pytest.fixture
def finished(lines: Path, tmp_path: Path) -> Path:
    return run_lines(lines, tmp_path / "run")


def test_measuring_gives_what_the_stage_gives_in_a_run(lines: Path, finished: Path, tmp_path: Path) -> None:
    before = published(finished)
    found = measured(finished, LENGTH, "least=0")
    together = run_lines(lines, tmp_path / "together", {LENGTH: {"least": 0}})
    assert found.columns == {"length_characters": "int64", "Length_error": "string"}
    assert table(finished / "measurements/Length/documents")["length_characters"].equals(
        table(together / "documents")["length_characters"]
    )
    assert published(finished) == before
    assert found.rows == len(table(finished / "documents"))


def test_sidecars_stand_beside_their_parts_row_by_row(finished: Path) -> None:
    measured(finished, LENGTH, rejects=True)
    for folder in ("documents", "rejects"):
        parts = sorted((finished / folder).iterdir())
        assert [part.name for part in parts] == [
            part.name for part in sorted((finished / "measurements/Length" / folder).iterdir())
        ]
        for part in parts:
            texts = pl.read_parquet(part)["text"]
            lengths = pl.read_parquet(finished / "measurements/Length" / folder / part.name)["length_characters"]
            assert lengths.to_list() == texts.str.len_chars().to_list()


def test_a_stopped_measuring_goes_on_where_it_was(finished: Path) -> None:
    first = measured(finished, LENGTH)
    folder = finished / "measurements/Length/documents"
    content = {file.name: file.read_bytes() for file in folder.iterdir()}
    (folder / "part-00001.parquet").unlink()
    (folder / "part-00002.parquet").write_bytes(b"half")
    again = measured(finished, LENGTH)
    assert (first.parts_finished_before, again.parts_finished_before) == (0, first.parts - 2)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == content


def test_a_run_that_is_published_anew_makes_stale_only_what_changed(lines: Path, finished: Path) -> None:
    parts = measured(finished, LENGTH).parts
    run_lines(lines, finished, {"filter": {"name": "one", "drop_if": '"offset" = 0'}})
    changed = measured(finished, LENGTH)
    assert 0 < changed.parts_finished_before < parts
    texts, lengths = table(finished / "documents")["text"], table(finished / "measurements/Length/documents")
    assert lengths["length_characters"].to_list() == texts.str.len_chars().to_list()


def test_rows_that_a_stage_cannot_process_have_their_error(finished: Path) -> None:
    settings = finished.parent / "measure.yaml"
    settings.write_text(f"stages:\n  - {LENGTH}: {{label: size}}\n  - {FRAGILE}\n")
    found = measured(finished, str(settings), "size.least=9", rejects=True)
    rows, texts = table(finished / "measurements/measure/documents"), table(finished / "documents")["text"]
    failed = rows.filter(texts.str.contains("error|raise"))
    assert found.rows_with_error == len(failed) > 0
    assert set(failed["measure_error"]) == {"Fragile: text says error", "Fragile: ValueError: cannot bear this text"}
    assert failed["length_characters"].is_null().all()
    assert rows["length_characters"].null_count() == len(failed)
    without = table(finished / "measurements/measure/rejects").filter(table(finished / "rejects")["text"].is_null())
    assert found.rows_without_text == len(without) > 0
    assert without["length_characters"].is_null().all()


def test_a_column_that_the_run_has_is_kept_apart_by_a_label(lines: Path, tmp_path: Path) -> None:
    finished = run_lines(lines, tmp_path / "run", LENGTH)
    with pytest.raises(RecipeError, match="has a column 'length_characters' already; give --label NAME"):
        measured(finished, LENGTH)
    assert "second_length_characters" in measured(finished, LENGTH, label="second").columns


@pytest.mark.parametrize(
    ("stage", "changes", "message"),
    [
        ("gophr", [], "no stage is named 'gophr'; did you mean 'gopher'?"),
        ("exact_dedup", [], "'exact_dedup' is no transform or filter"),
        ("jsonl", [], "the first stage, and no other, must be a source"),
        (LENGTH, ["most=3"], "unknown key 'most'; known keys: label, least"),
        ("absent.yaml", [], "absent.yaml: not readable"),
        ("tests.pipeline.line_stages:Fragile", [], "adds no column"),
    ],
)
def test_what_cannot_be_measured_is_one_line(finished: Path, stage: str, changes: list[str], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        measured(finished, stage, *changes)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (finished / "measurements").exists()
