"""Comparing a sample with all documents finds the very pairs that are recorded with the corpus of near-duplicates."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest

from stages.minhash.overlaps import SampleIndex
from stages.minhash.shingle_sets import shingle_sets
from stages.minhash.shingling import Shingling
from tests.stages.minhash.conftest import NearDuplicates


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_every_pair_of_the_corpus_is_found_with_its_similarity(neardup: NearDuplicates, threshold: float) -> None:
    words = Shingling(unit="words")
    sample = pa.array(range(0, len(neardup.texts), 5))
    index = SampleIndex(shingle_sets(neardup.texts.take(sample), words), threshold, words)
    found = index.similar(neardup.texts)
    told = {
        (5 * sample, text): similarity
        for text, sample, similarity in zip(*(column.tolist() for column in found), strict=True)
        if 5 * sample != text
    }
    recorded = neardup.pairs.filter(pl.col("jaccard_word5") >= threshold).select("a", "b", "jaccard_word5").rows()
    true = {pair: similarity for a, b, similarity in recorded for pair in ((a, b), (b, a)) if pair[0] % 5 == 0}
    assert told.keys() == true.keys() and len(true) > 500
    assert max(abs(told[pair] - true[pair]) for pair in true) < 1e-9


def test_texts_without_shingles_are_like_no_other() -> None:
    texts = pa.array(["", None, "one two three four five six", "", "one two three four five six"], pa.large_string())
    index = SampleIndex(shingle_sets(texts), 0.5, Shingling())
    found = index.similar(texts)
    assert list(zip(found.texts, found.samples, strict=True)) == [(2, 2), (2, 4), (4, 2), (4, 4)]
    assert len(SampleIndex(shingle_sets(texts.slice(0, 2)), 0.5, Shingling()).similar(texts).texts) == 0
