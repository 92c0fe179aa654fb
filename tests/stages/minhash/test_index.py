"""Deduplicating a corpus in several runs, each against the indexes of those before it, comes to what one run would."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from pipeline import Recipe, run
from pipeline.errors import RecipeError, RunError

IDENTITY = ["file", "offset", "ordinal"]
SETTINGS = {
    "components": {"verify": "jaccard", "threshold": 0.7, "keep": ["-length"]},
    "star": {"verify": "jaccard", "threshold": 0.7, "clusters": "star", "keep": ["-length"], "compare_at_most": 2},
    "unverified": {"within": "source"},
}


@pytest.fixture(scope="module")
def parts(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five folders of one file each, over which the documents of 200 near-duplicate clusters are dealt."""
    packed = (shared_data / "neardup/dev_docs.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(packed).read().decode().splitlines()
    truth = pl.read_parquet(shared_data / "neardup/dev_docs_truth.parquet")
    chosen = set(truth.filter(pl.col("cluster").is_between(0, 199))["id"])
    rows = [{**row, "source": "ab"[len(row["id"]) % 2]} for row in map(json.loads, lines) if row["id"] in chosen]
    folder = tmp_path_factory.mktemp("parts")
    for number in range(5):
        (folder / str(number)).mkdir()
        file = folder / str(number) / f"part-{(number * 3) % 5}.jsonl"  # Names that sort otherwise than they come.
        file.write_text("".join(json.dumps(row) + "\n" for row in rows[number::5]))
    return [folder / str(number) for number in range(5)]


def deduplicate(inputs: list[Path], out: Path, earlier: list[Path], task_bytes: int = 40_000, **stage: Any) -> Path:
    settings = {**stage, "earlier": [str(run / "index/minhash_dedup") for run in earlier], "write_index": True}
    recipe = {"name": "near", "task_bytes": task_bytes, "stages": ["jsonl", {"minhash_dedup": settings}]}
    run(Recipe.parse(recipe), inputs, out, executor="inline", quiet=True)
    return out


def kept(out: Path) -> dict[tuple, int]:
    """Documents that a run kept, with the size of their cluster."""
    table = pl.read_parquet(out / "documents/*.parquet").with_columns(pl.col("file").cast(pl.String))
    return {row[:3]: row[3] for row in table.select(*IDENTITY, "minhash_dedup_cluster_size").rows()}


def apply(total: dict[tuple, int], out: Path) -> list[str]:
    """Bring what all runs kept up to date with a run's changes and its own documents; returns the kinds of change."""
    changes = pl.read_parquet(out / "retractions/*.parquet").with_columns(pl.col("file").cast(pl.String))
    for row in changes.iter_rows(named=True):
        identity = tuple(row[name] for name in IDENTITY)
        if row["change"] == "retracted":
            del total[identity]
        else:
            assert (row["change"] == "reinstated") == (identity not in total)
            total[identity] = row["cluster_size"]
    total.update(kept(out))
    return changes["change"].to_list()


@pytest.mark.parametrize("kind", list(SETTINGS))
@pytest.mark.parametrize("cuts", [[0, 3, 5], [0, 1, 2, 3, 4, 5]], ids=["two", "five"])
def test_runs_after_each_other_keep_what_one_run_keeps(
    parts: list[Path], tmp_path: Path, kind: str, cuts: list[int]
) -> None:
    whole = deduplicate(parts, tmp_path / "whole", [], task_bytes=70_000, **SETTINGS[kind])
    runs = [deduplicate(parts[: cuts[1]], tmp_path / "run-0", [], **SETTINGS[kind])]
    total, changes = kept(runs[0]), []
    for number, (start, end) in enumerate(pairwise(cuts[1:]), start=1):
        runs.append(deduplicate(parts[start:end], tmp_path / f"run-{number}", runs, **SETTINGS[kind]))
        changes += apply(total, runs[-1])
    assert total == kept(whole)
    assert "retracted" in changes
    assert ("reinstated" in changes) == (kind == "star")


def test_two_indexes_that_know_nothing_of_each_other_are_merged_by_naming_both(
    parts: list[Path], tmp_path: Path
) -> None:
    whole = deduplicate(parts, tmp_path / "whole", [], **SETTINGS["components"])
    apart = [deduplicate(parts[at : at + 2], tmp_path / f"run-{at}", [], **SETTINGS["components"]) for at in (0, 2)]
    total = kept(apart[0]) | kept(apart[1])
    last = deduplicate(parts[4:], tmp_path / "last", apart, **SETTINGS["components"])
    apply(total, last)
    assert total == kept(whole)


def test_a_file_name_that_an_earlier_run_had_and_the_own_index_are_refused(parts: list[Path], tmp_path: Path) -> None:
    first = deduplicate(parts[:1], tmp_path / "first", [])
    with pytest.raises((RunError, RecipeError), match=r"has documents of a file of this name already"):
        deduplicate(parts[:1], tmp_path / "again", [first])
    with pytest.raises(RecipeError, match=r"a result of this very run"):
        deduplicate(parts[1:2], first, [first])
    assert (first / "documents").is_dir()


def test_an_index_of_other_settings_or_a_damaged_one_is_refused(parts: list[Path], tmp_path: Path) -> None:
    first = deduplicate(parts[:1], tmp_path / "first", [], bands=10, rows=4)
    with pytest.raises(RecipeError, match=r"was made with bands: 10, and this recipe has 14"):
        deduplicate(parts[1:2], tmp_path / "other", [first])
    with pytest.raises(RecipeError, match=r"is no index of minhash_dedup"):
        deduplicate(parts[1:2], tmp_path / "none", [tmp_path])
