"""The published recall is that of a comparison of every pair in plain Python, whatever the number of tasks."""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from scipy.stats import binomtest

from pipeline import Recipe, run
from stages.minhash.recall_account import recall_account, wilson

IDENTITY = ["file", "offset", "ordinal"]
SIDES = [f"{name}_{side}" for side in "ab" for name in IDENTITY]
DOCUMENTS = 160
THRESHOLD = 0.6


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents of which each takes after one before it, with one to forty of its hundred words replaced."""
    draw = random.Random(3)
    texts: list[list[str]] = []
    for number in range(DOCUMENTS):
        words = [f"w{number}x{place}" for place in range(100)]
        if number > 20 and draw.random() < 0.8:
            words = list(draw.choice(texts))
            for place in range(draw.choice([1, 5, 10, 20, 40])):
                words[place] = f"new{number}x{place}"
        texts.append(words)
    texts[7], texts[8] = [], ["two", "words"]
    rows = [{"text": " ".join(words), "kind": "ab"[number % 2]} for number, words in enumerate(texts)]
    folder = tmp_path_factory.mktemp("corpus")
    for name, part in (("a.jsonl", rows[:70]), ("b.jsonl", rows[70:])):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    return folder


def deduplicate(corpus: Path, out: Path, task_bytes: int = 100_000, **stage: object) -> Path:
    stage = {"bands": 3, "rows": 8, "verify": "jaccard", "threshold": THRESHOLD, "recall_sample": DOCUMENTS, **stage}
    source = {"jsonl": {"fields": {"source": "kind"}}}
    recipe = {"name": "near", "task_bytes": task_bytes, "stages": [source, {"minhash_dedup": stage}]}
    run(Recipe.parse(recipe), [corpus], out, executor="inline", quiet=True)
    return out


@pytest.fixture(scope="module")
def finished(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deduplicate(corpus, tmp_path_factory.mktemp("recall") / "run")


def account(run_folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run_folder / "recall" / "minhash_dedup.json").read_text())
    return found


def true_pairs(corpus: Path) -> dict[frozenset[tuple[str, int]], float]:
    """Pairs at the threshold by file and number of line, and their Jaccard similarity, of sets of word 5-grams."""
    sets = {}
    for name in ("a.jsonl", "b.jsonl"):
        offset = 0
        for line in (corpus / name).read_text().splitlines(keepends=True):
            words = json.loads(line)["text"].split()
            grams = {tuple(words[at : at + 5]) for at in range(max(len(words) - 4, 1))} if words else set()
            sets[(name, offset)] = grams
            offset += len(line)
    similar = {}
    for one, other in combinations(sets, 2):
        shared, together = len(sets[one] & sets[other]), len(sets[one] | sets[other])
        if shared and shared / together >= THRESHOLD:
            similar[frozenset((one, other))] = shared / together
    return similar


def clusters(run_folder: Path) -> dict[tuple[str, int], int]:
    found = {}
    for row in pl.read_parquet(run_folder / "documents" / "*.parquet").iter_rows(named=True):
        if row["minhash_dedup_cluster"] is not None:
            found[(row["file"], row["offset"])] = row["minhash_dedup_cluster"]
    for row in pl.read_parquet(run_folder / "rejects" / "*.parquet").iter_rows(named=True):
        found[(row["file"], row["offset"])] = json.loads(row["values"])["cluster"]
    return found


@pytest.mark.parametrize("shape", ["components", "star"])
def test_a_sample_of_all_finds_every_pair_and_judges_it(
    corpus: Path, finished: Path, tmp_path: Path, shape: str
) -> None:
    place = finished if shape == "components" else deduplicate(corpus, tmp_path / "run", clusters="star")
    true, cluster = true_pairs(corpus), clusters(place)
    recorded = {
        frozenset((row[:2], row[3:5])) for row in pl.read_parquet(place / "duplicates" / "*").select(SIDES).rows()
    }
    pairs = pl.read_parquet(place / "recall" / "minhash_dedup.parquet")
    told = {frozenset((row[:2], row[3:5])): row[6:] for row in pairs.rows()}
    assert len(told) == len(pairs)
    assert told.keys() == true.keys()
    for pair, (similarity, found) in told.items():
        assert similarity == pytest.approx(true[pair])
        one, other = (cluster.get(document) for document in pair)
        assert found == (pair in recorded or (one is not None and one == other))
    summary = account(place)
    assert (summary["documents"], summary["pairs"]) == (DOCUMENTS, len(true))
    assert summary["found"] == sum(found for _, found in told.values()) < len(true)


def test_any_number_of_tasks_gives_the_same_sample_and_recall(corpus: Path, tmp_path: Path) -> None:
    runs = [deduplicate(corpus, tmp_path / str(size), size, recall_sample=40) for size in (100_000, 9_000)]
    first, second = ((place / "recall" / "minhash_dedup.json").read_text() for place in runs)
    assert first == second
    parquet = [(place / "recall" / "minhash_dedup.parquet").read_bytes() for place in runs]
    assert parquet[0] == parquet[1]
    assert json.loads(first)["documents"] == 40 and json.loads(first)["pairs"] > 0


def test_a_sample_has_the_pairs_of_its_documents_alone(corpus: Path, finished: Path, tmp_path: Path) -> None:
    some = pl.read_parquet(deduplicate(corpus, tmp_path / "run", recall_sample=40) / "recall" / "*.parquet")
    every = pl.read_parquet(finished / "recall" / "*.parquet")
    sampled = set(some.select("file_a", "offset_a").rows())
    assert len(sampled) <= 40
    told = {frozenset((row[:2], row[3:5])) for row in some.rows()}
    assert len(told) == len(some)
    assert told == {frozenset((row[:2], row[3:5])) for row in every.rows() if {row[:2], row[3:5]} & sampled}


def test_pairs_that_are_not_compared_on_purpose_do_not_count(corpus: Path, finished: Path, tmp_path: Path) -> None:
    place = deduplicate(corpus, tmp_path / "run", within="source")
    folders = [pl.read_parquet(place / name / "*.parquet") for name in ("documents", "rejects")]
    of = {row[:2]: row[2] for folder in folders for row in folder.select("file", "offset", "source").rows()}
    every = [row for row in pl.read_parquet(finished / "recall" / "*.parquet").rows() if of[row[:2]] == of[row[3:5]]]
    told = pl.read_parquet(place / "recall" / "*.parquet").rows()
    assert {row[:6] for row in told} == {row[:6] for row in every} and 0 < len(told) == len(every)


def test_what_is_not_asked_for_has_no_phase(corpus: Path, tmp_path: Path) -> None:
    out = deduplicate(corpus, tmp_path / "run", recall_sample=0)
    assert not (out / "recall").exists()
    phases = [phase["name"] for phase in json.loads((out / "plan.json").read_text())["phases"]]
    assert not any("recall" in name for name in phases)


@pytest.mark.parametrize(("found", "trials"), [(0, 5), (5, 5), (97, 100), (1, 3)])
def test_intervals_are_wilsons(found: int, trials: int) -> None:
    expected = binomtest(found, trials).proportion_ci(method="wilson")
    assert wilson(found, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_bins_hold_every_pair_once_and_equal_sets_apart() -> None:
    import numpy as np

    similarity = np.array([0.72, 0.75, 0.7999, 0.8, 0.95, 0.999, 1.0, 1.0])
    told = recall_account(similarity, similarity > 0.76, 0.72, (14, 8))
    assert [(entry["from"], entry["to"], entry["pairs"], entry["found"]) for entry in told["bins"]] == [
        (0.72, 0.75, 1, 0),
        (0.75, 0.8, 2, 1),
        (0.8, 0.85, 1, 1),
        (0.85, 0.9, 0, 0),
        (0.9, 0.95, 0, 0),
        (0.95, 1.0, 2, 2),
        (1.0, 1.0, 2, 2),
    ]
