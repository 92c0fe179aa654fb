"""The corpus with planted near-duplicates says of itself what is true."""

from __future__ import annotations

import json
import random
import unicodedata
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks import near_duplicates
from benchmarks.near_duplicates import Corpus, cut_fragments, write_documents, write_truth
from benchmarks.texts import read_lines


@pytest.fixture(scope="module")
def fragments() -> list[str]:
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghij", k=5)) for _ in range(3000)]
    texts = [" ".join(chance.choices(words, k=500)) for _ in range(300)]
    return cut_fragments([*texts, *texts[:50]])


def shingles(text: str) -> set[tuple[str, ...]]:
    kept = "".join(character for character in text.lower() if unicodedata.category(character)[0] != "P")
    words = kept.split()
    return {tuple(words[start : start + 5]) for start in range(max(len(words) - 4, 1))}


def similarity(one: set, other: set) -> float:
    return len(one & other) / len(one | other)


def test_the_truth_has_every_similar_pair_with_its_jaccard(
    fragments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "DOCUMENTS_A_FILE", 80)
    corpus = Corpus(fragments, duplicates=0.3)
    size, variants = write_documents(corpus, 200, tmp_path)
    write_truth(corpus, variants, tmp_path / "truth.parquet")

    files = sorted(tmp_path.glob("*.jsonl.zst"))
    records = [json.loads(line) for file in files for line in read_lines(file)]
    assert [len(list(read_lines(file))) for file in files] == [80, 80, 40]
    assert [record["id"] for record in records] == [str(number) for number in range(200)]
    assert size == sum(len(record["text"].encode()) for record in records)

    rows = pq.read_table(tmp_path / "truth.parquet").to_pylist()
    truth = {(row["id_a"], row["id_b"]): row["jaccard"] for row in rows}
    sets = {record["id"]: shingles(record["text"]) for record in records}
    for a, b in combinations(sets, 2):
        found = similarity(sets[a], sets[b])
        assert found == pytest.approx(truth.get((a, b), found))
        assert (a, b) in truth or found < 0.2
    assert 30 < len(variants) < 90
    counts = np.histogram(list(truth.values()), bins=[0.5, 0.7, 0.8, 0.9, 1, 1.1])[0]
    assert counts.min() > 1


def test_a_larger_corpus_begins_with_the_smaller_one_and_another_seed_gives_another(
    fragments: list[str], tmp_path: Path
) -> None:
    for name, documents, seed in (("small", 50, 1), ("large", 80, 1), ("other", 50, 2)):
        (tmp_path / name).mkdir()
        write_documents(Corpus(fragments, seed=seed), documents, tmp_path / name)
    small, large, other = (
        list(read_lines(tmp_path / name / "00000.jsonl.zst")) for name in ("small", "large", "other")
    )
    assert large[:50] == small
    assert not set(other) & set(small)


def test_documents_that_end_alike_are_as_similar_as_stated_and_not_more(fragments: list[str]) -> None:
    corpus = Corpus(fragments, boilerplate=0.5)
    alike = [number for number in range(120) if corpus.ends_alike(number)]
    assert 30 < len(alike) < 90
    sets = {number: shingles(corpus.text(number)) for number in alike}
    found = [
        similarity(sets[a], sets[b]) for a, b in combinations(alike, 2) if corpus.original(a) != corpus.original(b)
    ]
    assert 0.35 < np.median(found) < 0.5
    assert max(found) < 0.55


def test_fragments_that_come_again_are_left_out(fragments: list[str]) -> None:
    seen: set[tuple[str, ...]] = set()
    for fragment in fragments:
        assert len(fragment.split()) == 20
        assert len(shingles(fragment) & seen) < 0.2 * 16
        seen |= shingles(fragment)
    assert len(fragments) == pytest.approx(300 * 25, rel=0.01)
