"""Exact duplicates: what a dictionary of texts would find, whatever the tasks."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import Recipe, run
from stages.exact_dedup import ExactDedup
from stages.keyed_dedup import best_of_equal, equal_rows
from stages.text_hash import text_hashes


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=30), st.integers(0, 5))
def test_hashes_are_equal_exactly_where_texts_are(texts: list[str | None], start: int) -> None:
    hashes = text_hashes(pa.array(texts, pa.string()).slice(start))
    assert hashes.shape == (max(len(texts) - start, 0), 2)
    spoken = [
        (text, tuple(pair)) for text, pair in zip(texts[start:], hashes.tolist(), strict=True) if text is not None
    ]
    assert len({text for text, _ in spoken}) == len({pair for _, pair in spoken}) == len(set(spoken))


@given(st.lists(st.integers(0, 4), max_size=20), st.randoms(use_true_random=False))
def test_the_best_of_each_group_of_equal_keys_is_found(keys: list[int], random: object) -> None:
    rank = list(range(len(keys)))
    random.shuffle(rank)  # type: ignore[attr-defined]
    high = np.array([key // 2 for key in keys], dtype=np.uint64)
    low = np.array([key % 2 for key in keys], dtype=np.uint64)
    rows = equal_rows(high, low)
    best, sizes = best_of_equal(high[rows], low[rows], np.array(rank, dtype=np.int64)[rows])
    found = {int(row): (int(stays), int(size)) for row, stays, size in zip(rows, rows[best], sizes, strict=True)}
    expected = {}
    for index, key in enumerate(keys):
        group = [other for other, other_key in enumerate(keys) if other_key == key]
        if len(group) > 1:
            expected[index] = (min(group, key=lambda other: rank[other]), len(group))
    assert found == expected


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """Two files whose texts repeat within and across files, an empty text three times among them."""
    random = np.random.default_rng(7)
    texts = [f"text {number} " * int(number % 50 + 1) for number in random.zipf(1.3, 1200) % 400]
    texts[5] = texts[600] = texts[1100] = ""
    folder = tmp_path_factory.mktemp("corpus")
    rows = [{"id": f"row {i}", "text": text} for i, text in enumerate(texts)]
    for name, part in (("a.jsonl", rows[:700]), ("b.jsonl", rows[700:])):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    return folder, rows


@pytest.mark.parametrize(("task_bytes", "buckets"), [(4096, 16), (50_000, 3), (10_000_000, 1)])
def test_the_first_of_equal_texts_stays_and_names_the_others(
    corpus: tuple[Path, list[dict]], tmp_path: Path, task_bytes: int, buckets: int
) -> None:
    folder, rows = corpus
    stages = ["jsonl", {"exact_dedup": {"buckets": buckets}}]
    recipe = Recipe.parse({"name": "exact", "task_bytes": task_bytes, "stages": stages})
    run(recipe, [folder], tmp_path / "run", executor="inline", quiet=True)
    kept = pl.read_parquet(tmp_path / "run/documents/*.parquet")
    rejects = pl.read_parquet(tmp_path / "run/rejects/*.parquet")

    first: dict[str, str] = {}
    count: dict[str, int] = {}
    for row in rows:
        first.setdefault(row["text"], row["id"])
        count[row["text"]] = count.get(row["text"], 0) + 1
    assert kept["id"].to_list() == list(first.values())
    assert kept["exact_dedup_cluster_size"].to_list() == [count[text] for text in first]
    clusters = kept.filter(pl.col("exact_dedup_cluster_size") > 1)["exact_dedup_cluster"]
    assert clusters.null_count() == 0
    assert clusters.is_unique().all()
    assert sorted(rejects["id"]) == sorted(row["id"] for row in rows if first[row["text"]] != row["id"])
    assert set(rejects["rule"]) == {"exact_duplicate"}


def test_buckets_are_checked() -> None:
    with pytest.raises(ValueError, match="buckets"):
        ExactDedup(buckets=0)
