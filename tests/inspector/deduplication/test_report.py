"""What `inspect` says of the removal of duplicates is what is known of the corpus and what the run published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from inspector import render
from inspector.artifacts import recognise
from inspector.document import document_report
from inspector.run_report import run_report
from pipeline import Recipe
from pipeline import run as run_recipe
from tests.inspector.deduplication.conftest import deduplicated


def by_stage(run_folder: Path, examples: int = 3) -> dict[str, Any]:
    return {part["stage"]: part for part in json.loads(json.dumps(run_report(run_folder, examples)["deduplication"]))}


@pytest.mark.parametrize("rejects", ["full", "no_text"])
def test_cluster_sizes_count_every_cluster_and_removed_document(
    duplicates_corpus: Path, deduplicated_run: Path, tmp_path: Path, rejects: str
) -> None:
    place = (
        deduplicated_run if rejects == "full" else deduplicated(duplicates_corpus, tmp_path / "run", rejects=rejects)
    )
    report = by_stage(place)
    assert report["url_dedup"]["cluster_sizes"] == [{"from": 2, "to": 2, "clusters": 1, "removed": 1}]
    assert report["exact_dedup"]["cluster_sizes"] == [{"from": 2, "to": 2, "clusters": 1, "removed": 1}]
    assert report["minhash_dedup"]["cluster_sizes"] == [{"from": 4, "to": 7, "clusters": 2, "removed": 8}]
    for part in report.values():
        assert sum(entry["clusters"] for entry in part["cluster_sizes"]) == part["counts"]["clusters"]


def test_without_all_rejects_clusters_are_counted_by_their_survivors(duplicates_corpus: Path, tmp_path: Path) -> None:
    report = by_stage(deduplicated(duplicates_corpus, tmp_path / "run", rejects="off"))["minhash_dedup"]
    assert report["clusters_seen_in"] == "documents"
    assert report["cluster_sizes"] == [{"from": 4, "to": 7, "clusters": 2, "removed": 8}]
    assert [cluster["id"] for cluster in report["largest_clusters"]] == ["d10", "d0"]


def test_a_run_that_continues_another_tells_whole_clusters_and_its_own_removals(
    duplicates_corpus: Path, tmp_path: Path
) -> None:
    runs: list[Path] = []
    for name in ("a.jsonl", "b.jsonl"):
        earlier = [str(run / "index/minhash_dedup") for run in runs]
        stage = {"verify": "jaccard", "threshold": 0.7, "earlier": earlier, "write_index": True}
        recipe = Recipe.parse({"name": "mine", "stages": ["jsonl", {"minhash_dedup": stage}]})
        runs.append(tmp_path / name)
        run_recipe(recipe, [duplicates_corpus / name], runs[-1], executor="inline", quiet=True)
    report = by_stage(runs[1])["minhash_dedup"]
    removed = pl.read_parquet(runs[1] / "rejects" / "*.parquet")
    assert {"d14", "d15"} < set(removed["id"])
    assert report["cluster_sizes"][-1] == {"from": 4, "to": 7, "clusters": 1, "removed": 2}
    (d14,) = document_report(runs[1], "d14", 1)["documents"]
    assert d14["removed_for"]["survivor"]["fate"] == "not recorded in this run"
    assert d14["removed_for"]["survivor"]["text"] is d14["removed_for"]["differences"] is None


def test_largest_clusters_and_hosts_are_named(deduplicated_run: Path) -> None:
    report = by_stage(deduplicated_run, examples=1)["minhash_dedup"]
    documents = pl.read_parquet(deduplicated_run / "documents" / "*.parquet")
    kept = documents.row(by_predicate=pl.col("id") == "d10", named=True)
    (largest,) = report["largest_clusters"]
    assert (largest["documents"], largest["url"]) == (6, "https://two.example/10")
    assert kept["text"].startswith(largest["begins"]) and largest["cluster"] == kept["minhash_dedup_cluster"]
    assert report["hosts"] == [{"host": "two.example", "removed": 5}, {"host": "one.example", "removed": 3}]


def test_settings_tell_what_they_detect(deduplicated_run: Path) -> None:
    report = by_stage(deduplicated_run)["minhash_dedup"]
    assert (report["settings"]["bands"], report["settings"]["rows"]) == (32, 3)
    for similarity, chance in report["detection"].items():
        assert chance == pytest.approx(1 - (1 - float(similarity) ** 3) ** 32, abs=1e-6)


def test_the_terminal_shows_each_stage(deduplicated_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render.show(*recognise(deduplicated_run).describe(None, None, 3))
    shown = capsys.readouterr().out
    assert "minhash_dedup: 32 bands of 3 rows; shingles of 5 units; verify jaccard >= 0.7" in shown
    assert "texts without words 1: never compared" in shown
    assert "https://two.example/10" in shown
    assert "recall: 50 documents at random compared with all by true Jaccard: of " in shown


def test_an_order_of_values_is_shown_in_words(
    duplicates_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = ["jsonl", {"exact_dedup": {"keep": [{"source": ["wiki", "books"]}, "-length"]}}]
    run_recipe(Recipe.parse({"name": "keep", "stages": stages}), [duplicates_corpus], tmp_path, executor="inline")
    render.show(*recognise(tmp_path).describe(None, None, 3))
    assert "keeps by source (wiki, books, others), -length, then the first" in " ".join(capsys.readouterr().out.split())


def test_the_measured_recall_is_what_the_run_published(deduplicated_run: Path) -> None:
    published = json.loads((deduplicated_run / "recall" / "minhash_dedup.json").read_text())
    assert by_stage(deduplicated_run)["minhash_dedup"]["recall"] == published
    assert by_stage(deduplicated_run)["exact_dedup"]["recall"] is None
