"""Signatures estimate Jaccard similarity as theory says, whatever the batching."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from stages.minhash.settings import Bands, bands_and_rows, detection_probability
from stages.minhash.shingle_sets import shingle_sets
from stages.minhash.shingling import Shingling
from stages.minhash.signatures import _permutations, band_keys, estimated_jaccard, signatures
from tests.stages.minhash.conftest import NearDuplicates
from tests.stages.minhash.plain_shingles import shingles

BANDS, ROWS = 14, 8


def test_share_of_equal_minima_estimates_the_exact_similarity(neardup: NearDuplicates) -> None:
    texts, pairs = neardup
    # Pairs across clusters all share the same few boilerplate shingles, so their errors are one error.
    pairs = pairs.filter(pl.col("same_cluster"))
    minima = signatures(texts).minima
    estimate = estimated_jaccard(minima, pairs["a"], pairs["b"])
    assert (estimate == (minima[pairs["a"]] == minima[pairs["b"]]).mean(axis=1)).all()
    exact = pairs["jaccard_word5"].to_numpy()
    # One estimate is a mean of 112 coin tosses; together they must be unbiased and no wider than that.
    inner = (exact > 0.05) & (exact < 0.95)
    deviation = (estimate - exact)[inner] / np.sqrt((exact * (1 - exact))[inner] / minima.shape[1])
    assert abs(deviation.mean()) < 0.15
    assert 0.9 < deviation.std() < 1.1
    assert (estimate[exact == 1] == 1).all()


@pytest.mark.parametrize("setting", [Bands(14, 8), Bands(20, 13), Bands(50, 4), bands_and_rows(0.8, 0.98)], ids=str)
@pytest.mark.parametrize("seed", [1, 2])
def test_detection_rate_follows_theory_in_every_bin_of_similarity(
    neardup: NearDuplicates, setting: Bands, seed: int
) -> None:
    texts, pairs = neardup
    words = Shingling(unit="words")
    keys = band_keys(signatures(texts, words, setting.bands * setting.rows, seed).minima, setting.rows)
    similarity = pairs["jaccard_word5"].to_numpy()
    pairs = pairs.with_columns(
        detected=(keys[pairs["a"]] == keys[pairs["b"]]).any(axis=1),
        theory=detection_probability(similarity, *setting),
        bin=(pl.col("jaccard_word5") * 20).floor().cast(pl.Int64).clip(0, 19),
    )
    bins = (
        # Pairs across clusters all share the same few boilerplate shingles, so their chances are one chance.
        pairs.filter(pl.col("same_cluster"))
        .group_by("bin")
        .agg(pl.len(), pl.col("detected").sum(), pl.col("theory").mean())
    )
    assert len(bins) >= 15
    for number, count, detected, theory in bins.iter_rows():
        interval = binomtest(detected, count).proportion_ci(0.9999)
        assert interval.low <= theory <= interval.high, f"similarity {number / 20}: {detected} of {count}, {theory}"
    assert pairs.filter(pl.col("jaccard_word5") == 1)["detected"].all()
    at_target = pairs.filter(pl.col("jaccard_word5") >= 0.8)
    assert at_target["detected"].mean() == pytest.approx(at_target["theory"].mean(), abs=0.02)


def test_no_worse_an_estimate_than_datasketch(neardup: NearDuplicates) -> None:
    texts, pairs = neardup
    pairs = pairs.filter(pl.col("jaccard_word5").is_between(0.3, 0.95)).sample(300, seed=1)
    minima = signatures(texts).minima
    exact = pairs["jaccard_word5"].to_numpy()
    ours = (minima[pairs["a"]] == minima[pairs["b"]]).mean(axis=1)

    def sketch(row: int) -> MinHash:
        found = MinHash(num_perm=BANDS * ROWS)
        found.update_batch([" ".join(shingle).encode() for shingle in shingles(texts[row].as_py(), Shingling())])
        return found

    theirs = np.array([sketch(a).jaccard(sketch(b)) for a, b in pairs.select("a", "b").iter_rows()])
    assert np.abs(ours - exact).mean() < 1.15 * np.abs(theirs - exact).mean()


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab c", max_size=30), max_size=8), st.integers(1, 6))
def test_equal_sets_of_shingles_and_only_they_sign_alike(texts: list[str], words: int) -> None:
    shingling = Shingling(width=words)
    minima, counts = signatures(pa.array(texts, pa.large_string()), shingling, permutations=1024)
    for i, left in enumerate(texts):
        assert counts[i] == len(left.split())
        for j, right in enumerate(texts):
            if left.split() and right.split():
                assert (minima[i] == minima[j]).all() == (shingles(left, shingling) == shingles(right, shingling))


def test_short_texts_are_one_shingle_and_empty_ones_none() -> None:
    texts = ["Read more", "read — more!", "read less", "more read", "", " … ", None]
    minima, words = signatures(pa.array(texts))
    assert words.tolist() == [2, 2, 2, 2, 0, 0, 0]
    assert (minima[0] == minima[1]).all()
    assert len({row.tobytes() for row in minima[[0, 2, 3]]}) == 3
    assert (minima[4:] == 2**64 - 1).all()


def test_words_longer_than_a_machine_word_are_told_apart() -> None:
    texts = ["a" * size for size in range(1, 40)] + ["a" * 20 + "b", "b" + "a" * 20, "\0", "\0\0", "a\0"]
    minima, _ = signatures(pa.array(texts), permutations=1)
    assert len(set(minima[:, 0].tolist())) == len(texts)


SHINGLINGS = [
    Shingling(),
    Shingling(normalize="raw", unit="characters", width=24),
    Shingling(normalize="datatrove", width=3),
    Shingling(compat="datatrove"),
]


@pytest.mark.parametrize("shingling", SHINGLINGS, ids=lambda one: f"{one.normalize}-{one.unit}-{one.hash}")
def test_batches_and_slices_do_not_change_a_signature(neardup: NearDuplicates, shingling: Shingling) -> None:
    texts = neardup.texts.slice(0, 300)
    whole = signatures(texts, shingling)
    pieces = [signatures(texts.slice(start, 7), shingling) for start in range(0, 300, 7)]
    assert (np.concatenate([piece.minima for piece in pieces]) == whole.minima).all()
    assert (np.concatenate([piece.units for piece in pieces]) == whole.units).all()


@pytest.mark.parametrize("shingling", SHINGLINGS, ids=lambda one: f"{one.normalize}-{one.unit}-{one.hash}")
@settings(deadline=None, max_examples=30)
@given(st.lists(st.binary(max_size=40), max_size=5))
def test_bytes_that_are_not_utf8_are_signed_all_the_same(shingling: Shingling, texts: list[bytes]) -> None:
    """Arrow does not check what a column claims to be."""
    damaged = pa.array(texts, pa.large_binary())
    column = pa.Array.from_buffers(pa.large_string(), len(texts), damaged.buffers())
    whole = signatures(column, shingling, 16)
    for row in range(len(texts)):
        assert (signatures(column.slice(row, 1), shingling, 16).minima[0] == whole.minima[row]).all()


def test_many_shingles_pass_through_the_block_buffer() -> None:
    words = [f"w{i}" for i in range(5000)]
    long, reversed_halves = " ".join(words), " ".join(words[2500:] + words[:2500])
    minima, _ = signatures(pa.array([long, reversed_halves, " ".join(words[:2500])]))
    assert (minima[0] == minima[1]).mean() > 0.98
    assert 0.35 < (minima[0] == minima[2]).mean() < 0.65


@pytest.mark.parametrize("count", [3, 16, 40])
def test_minima_are_those_of_linear_maps_over_the_set_of_shingles(count: int) -> None:
    texts = pa.array(["one two three two three two", "a b c d " * 500, " ".join(map(str, range(3000)))])
    sets = shingle_sets(texts, Shingling(width=2))
    multipliers, increments = _permutations(count, seed=7)
    assert len(set(multipliers.tolist())) == len(set(increments.tolist())) == count
    assert (multipliers % 2 == 1).all()
    minima = signatures(texts, Shingling(width=2), permutations=count, seed=7).minima
    for row in range(len(texts)):
        values = sets.values[sets.offsets[row] : sets.offsets[row + 1]]
        assert (minima[row] == (multipliers * values[:, None] + increments).min(axis=0)).all()


def test_keys_need_whole_bands() -> None:
    with pytest.raises(ValueError, match="bands of 8"):
        band_keys(np.zeros((1, 100), dtype=np.uint64), 8)
