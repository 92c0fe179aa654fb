"""Normalisation equals Python's own lower(), category and split(), for any text."""

import sys
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.minhash.shingles import normalize

EVERY_CHARACTER = "".join(chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF)
PUNCTUATION = {ord(c): None for c in EVERY_CHARACTER if unicodedata.category(c).startswith("P")}
SIGMA_NEIGHBOURS = "ΣσςΑαa1 .':­_ʰ̈İ\U0001d6a8\U000e0041é\n"


def expected(text: str) -> str:
    return " ".join(text.lower().translate(PUNCTUATION).split())


def normalized(texts: list[str]) -> list[str]:
    return normalize(pa.array(texts, pa.large_string())).to_pylist()


def test_every_character_alone_and_inside_a_word() -> None:
    texts = [f"{character} x{character}y" for character in EVERY_CHARACTER]
    assert normalized(texts) == [expected(text) for text in texts]


@settings(deadline=None)
@given(st.lists(st.text()))
def test_any_text(texts: list[str]) -> None:
    assert normalized(texts) == [expected(text) for text in texts]


@settings(deadline=None)
@given(st.text(alphabet=SIGMA_NEIGHBOURS, max_size=12))
def test_final_sigma_depends_on_its_neighbours_as_in_python(text: str) -> None:
    assert normalized([text]) == [expected(text)]


@settings(deadline=None)
@given(st.text(alphabet="aB1-., \t\n\x1c\x85'\"$é—", max_size=40))
@example("a" * 63 + " - - " + "B" * 62 + ", " + "-" * 60 + " " * 70 + "." * 130 + "\n" * 64 + "z")
@example("-" * 64 + " " + "." * 64 + "a" + " " * 128 + "é" + "-" * 63 + " ")
def test_blanks_and_punctuation_in_any_mixture(text: str) -> None:
    assert normalized([text]) == [expected(text)]


def test_slices_chunks_nulls_and_small_strings_are_read_in_place() -> None:
    texts = pa.array(["Left out", "It's", None, "", "A — B"])
    assert normalize(texts.slice(1)).to_pylist() == ["its", None, "", "a b"]
    chunked = pa.chunked_array([texts.slice(0, 2), texts.slice(2)])
    assert normalize(chunked).to_pylist() == ["left out", "its", None, "", "a b"]
    assert normalize(texts.slice(0, 0)).to_pylist() == []


@pytest.mark.parametrize(
    "damaged", [b"\xff", b"a\xc3", b"\xe2\x82", b"\xf0\x9f\x92", b"\xed\xa0\x80 b", b"\x80\xce\xa3"]
)
def test_bytes_that_are_not_utf8_are_kept_and_never_read_past(damaged: bytes) -> None:
    array = pa.Array.from_buffers(
        pa.large_string(),
        1,
        [None, pa.py_buffer(b"\0" * 8 + len(damaged).to_bytes(8, "little")), pa.py_buffer(damaged)],
    )
    kept = normalize(array).cast(pa.large_binary())[0].as_py()
    assert kept == b" ".join(damaged.replace("Σ".encode(), "σ".encode()).split())
