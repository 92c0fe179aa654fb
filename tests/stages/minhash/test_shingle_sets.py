"""Sets of shingles and their similarity are those of plain Python, for every normalisation and unit."""

import sys
import unicodedata
from itertools import pairwise, product
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokenizer
from stages.minhash.shingle_sets import jaccard, shingle_sets
from stages.minhash.shingling import Shingling
from stages.minhash.signatures import signatures
from tests.stages.minhash.conftest import NearDuplicates
from tests.stages.minhash.plain_shingles import shingles, similarity, units
from tokenizer.bpe_train import train_merges
from tokenizer.file import write_tokenizer
from tokenizer.pretokenize import split_pattern

PUNCTUATION = [point for point in range(sys.maxunicode) if unicodedata.category(chr(point)).startswith("P")]

TRICKY = "aB é.,-' \n\u00a0\u3000Σ中国のアー。ไทย་ཨ😀0٣İ"
SHINGLINGS = [
    Shingling(normalize=normalize, unit=unit, width=width)
    for normalize, unit, width in product(("delete_punctuation", "raw"), ("auto", "words", "characters"), (1, 3))
]


@pytest.mark.parametrize("shingling", SHINGLINGS, ids=lambda one: f"{one.normalize}-{one.unit}-{one.width}")
@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(alphabet=TRICKY, max_size=40), max_size=6))
def test_any_texts(shingling: Shingling, texts: list[str]) -> None:
    sets = shingle_sets(pa.array(texts, pa.string()), shingling)
    expected = [shingles(text, shingling) for text in texts]
    assert np.diff(sets.offsets).tolist() == [len(one) for one in expected]
    assert signatures(pa.array(texts, pa.string()), shingling, 1).units.tolist() == [
        len(units(text, shingling)) for text in texts
    ]
    pairs = list(product(range(len(texts)), repeat=2))
    left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert jaccard(sets, left, right).tolist() == [similarity(expected[a], expected[b]) for a, b in pairs]
    for start, end in zip(sets.offsets[:-1], sets.offsets[1:], strict=True):
        assert (np.diff(sets.values[start:end].astype(object)) > 0).all()


def test_polars_chunked_sliced_and_null_texts() -> None:
    texts = ["left out", "one two three", None, "", "two three one two"]
    expected = shingle_sets(pa.array(texts[1:]), Shingling(width=2))
    assert np.diff(expected.offsets).tolist() == [2, 0, 0, 3]
    assert jaccard(expected, [0, 0, 1], [3, 0, 2]).tolist() == [2 / 3, 1, 0]
    for same in (
        pa.array(texts, pa.large_string()).slice(1),
        pa.chunked_array([texts[1:3], texts[3:]]),
        pl.Series(texts)[1:],
    ):
        found = shingle_sets(same, Shingling(width=2))
        assert (found.values == expected.values).all()
        assert (found.offsets == expected.offsets).all()


def test_texts_larger_than_a_batch_and_many_small_ones() -> None:
    words = [f"w{i}" for i in range(100_000)]
    texts = [" ".join(words), "few words", " ".join(words[:50_000]), *map(str, range(40_000))]
    sets = shingle_sets(pa.array(texts), Shingling(width=2))
    assert np.diff(sets.offsets).tolist() == [99_999, 1, 49_999, *[1] * 40_000]
    assert jaccard(sets, [0, 1, 3], [2, 1, 4]).tolist() == [49_999 / 99_999, 1, 0]


@pytest.mark.parametrize(
    ("column", "normalize", "prepared"),
    [
        ("jaccard_word5", "delete_punctuation", {}),
        ("jaccard_word5_punct_space", "delete_punctuation", dict.fromkeys(PUNCTUATION, " ")),
        ("jaccard_word5_raw", "raw", {}),
    ],
)
def test_recorded_similarities_of_near_duplicates(
    neardup: NearDuplicates, column: str, normalize: Literal["delete_punctuation", "raw"], prepared: dict[int, str]
) -> None:
    texts = pa.array([text.translate(prepared) for text in neardup.texts.to_pylist()], pa.large_string())
    pairs = neardup.pairs.filter(pl.col(column).is_not_null())
    assert len(pairs) > 1000
    sets = shingle_sets(texts, Shingling(normalize=normalize, unit="words"))
    assert jaccard(sets, pairs["a"], pairs["b"]).tolist() == pairs[column].to_list()
    if column == "jaccard_word5":
        for side in "ab":
            assert np.diff(sets.offsets)[pairs[side]].tolist() == pairs[f"n_shingles_{side}"].to_list()


def test_tokens_of_a_tokenizer(tmp_path: Path) -> None:
    words = pa.table({"word": pa.array([b"there", b" there", b"the"], pa.large_binary()), "count": [5, 9, 3]})
    write_tokenizer(tmp_path / "tokenizer.json", train_merges(words, 262), split_pattern("gpt4"))
    bpe = tokenizer.load(tmp_path)
    texts = ["there, there!  The rest", "", "th", "there there there", None]
    shingling = Shingling(normalize="raw", unit="tokens", width=2, tokenizer=tmp_path)
    assert signatures(pa.array(texts), shingling, 1).units.tolist() == [
        len(bpe.encode(" ".join((text or "").split()))) for text in texts
    ]
    tokens = bpe.encode("there, there! The rest")
    distinct = {tuple(tokens[start : start + 2]) for start in range(len(tokens) - 1)}
    repeated = bpe.encode(texts[3] or "")
    assert np.diff(shingle_sets(pa.array(texts), shingling).offsets).tolist() == [
        *(len(distinct), 0, 1, len(set(pairwise(repeated))), 0)
    ]
