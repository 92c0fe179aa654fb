"""Two runs are the same when their published files are; the first file that differs is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline import Recipe, run
from tests.pipeline.conftest import RECIPE
from tests.test_front_door import corpusmill


@pytest.fixture(scope="module")
def runs(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same recipe twice, the second in other batches."""
    folder = tmp_path_factory.mktemp("runs")
    for name, recipe in (("one", RECIPE), ("two", {**RECIPE, "batch_bytes": "5kB"})):
        run(Recipe.parse(recipe), [lines], folder / name, executor="inline", quiet=True)
    return [folder / "one", folder / "two"]


def test_equal_runs_have_equal_sums_which_are_those_published(runs: list[Path]) -> None:
    result = corpusmill("checksum", *runs, "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    one, two = (found["runs"][str(place)] for place in runs)
    assert one == two and found["differences"] == []
    published = json.loads((runs[0] / "published.json").read_text())
    assert {folder["folder"]: folder["sha256"] for folder in one} == {
        folder: record["content"] for folder, record in published.items()
    }
    assert "documents/" in corpusmill("checksum", runs[0]).stdout


def test_the_first_file_that_differs_is_named(runs: list[Path], tmp_path: Path) -> None:
    shutil.copytree(runs[1], tmp_path / "two")
    documents = sorted((tmp_path / "two" / "documents").iterdir())
    documents[1].write_bytes(b"damaged")
    documents[2].unlink()
    result = corpusmill("checksum", runs[0], tmp_path / "two")
    assert result.returncode == 1
    assert f"documents/{documents[1].name} is " in result.stderr and "is not as it was published" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_run_that_has_published_nothing_has_no_sum(tmp_path: Path, lines: Path) -> None:
    from pipeline.preparation import write_plan

    write_plan(Recipe.parse(RECIPE), [lines], tmp_path / "run")
    result = corpusmill("checksum", tmp_path / "run")
    assert result.returncode == 1 and "published nothing yet" in result.stderr
    assert corpusmill("checksum", tmp_path / "absent").returncode == 2
