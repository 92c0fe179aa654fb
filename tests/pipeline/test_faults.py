"""Killed at any named place and run again, a run gives the bytes of an undisturbed one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from pipeline import Recipe, run
from tests.pipeline.conftest import RECIPE, published

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def undisturbed(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    return published(out)


@pytest.mark.parametrize(
    "fault",
    [
        "batch@curate:1",
        "before_rename@curate:0",
        "before_manifest@exact_dedup.match:1",
        "between_phases@exact_dedup.keys:*",
        "publication@survivors:*",
        "before_rename@survivors:1",
        "batch@survivors:0;parent",
        "before_manifest@curate:1;parent",
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on_to_the_same_bytes(
    lines: Path, tmp_path: Path, undisturbed: dict[str, str], fault: str, workers: int
) -> None:
    recipe, out, marker = tmp_path / "recipe.yaml", tmp_path / "run", tmp_path / "marker"
    recipe.write_text(yaml.safe_dump(RECIPE))
    command = [sys.executable, "-m", "corpusmill", "run", str(recipe), "--in", str(lines), "--out", str(out)]
    command += ["--workers", str(workers), "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    faulty = {**environment, "CORPUSMILL_FAULT": f"{fault};once={marker}"}
    first = subprocess.run(command, env=faulty, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert marker.exists(), first.stderr
    if first.returncode != 0:
        second = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert second.returncode == 0, second.stderr
    assert published(out) == undisturbed
    assert not list(out.rglob(".tmp-*"))


def test_a_task_whose_worker_always_dies_fails_with_one_line(lines: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    command = [sys.executable, "-m", "corpusmill", "run", str(recipe), "--in", str(lines)]
    command += ["--out", str(tmp_path / "run")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CORPUSMILL_FAULT": "batch@curate:1"}
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert "curate task 1: its worker died 3 times" in result.stderr
    assert not (tmp_path / "run" / "documents").exists()


def test_rows_that_kill_their_worker_are_quarantined_and_all_others_kept(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    texts = [f"line number {number}" for number in range(60)]
    texts[17] = "abort here"
    texts[18] = "and abort there"
    (tmp_path / "in" / "a.txt").write_text("\n".join(texts) + "\n")
    stages = ["tests.pipeline.line_stages:Lines", "tests.pipeline.line_stages:Deadly"]
    recipe = Recipe.parse({"name": "deadly", "stages": stages})
    totals = run(recipe, [tmp_path / "in"], tmp_path / "run", workers=1, quiet=True).totals
    assert (totals.read, totals.kept, totals.quarantined) == (60, 58, 2)
    rejects = pl.read_parquet(tmp_path / "run" / "rejects" / "*.parquet")
    assert rejects["text"].to_list() == [texts[17], texts[18]]
    assert rejects["error"].str.contains("its worker died of it alone, twice").all()
    again = run(recipe, [tmp_path / "in"], tmp_path / "run", workers=1, quiet=True)
    assert sum(again.ran.values()) == 0
