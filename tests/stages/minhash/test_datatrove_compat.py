"""`compat: datatrove` gives what datatrove 0.10 gives: normalised text, shingle hashes, signature files."""

import hashlib
import json
import re
import struct
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import regex
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.paired import peers_python
from benchmarks.texts import read_texts
from stages.minhash.datatrove_characters import BLANK, datatrove_characters
from stages.minhash.digest_kernel import sha1_first_eight, xxh64
from stages.minhash.shingles import normalize, shingle_batches
from stages.minhash.shingling import Shingling
from stages.minhash.signatures import signatures
from tests.stages.minhash.datatrove_oracle import BANDS, GOLDEN, HASHES, ROWS, ask_datatrove, digests
from tests.stages.minhash.test_normalize import EVERY_CHARACTER

COMPAT = {name: Shingling(compat="datatrove", hash=name) for name in HASHES}
PUNCTUATION = dict.fromkeys(np.flatnonzero(datatrove_characters().kinds & BLANK).tolist(), " ")
NUMBER = regex.compile(r"\p{Nd}+([.,،٫⎖⎗⎘]\p{Nd}+)?")
TRICKY = "aΣσ 1٣.,٫-_'\n\u0085\u3000é\u0301\u0327\u034f\u302e\U0001d165\U0001d16d\U0001d160가각İﬁÅ’“№"


def expected(text: str) -> str:
    """The steps one after another, as FACTS states them."""
    text = NUMBER.sub("0", text.lower())
    text = text.translate(PUNCTUATION)
    text = re.sub(r"\s+", " ", text.strip())
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn").strip()


def normalized(texts: list[str]) -> list[str]:
    return normalize(pa.array(texts, pa.large_string()), COMPAT["xxh64"]).to_pylist()


def signature_files(texts: list[str], hash_name: str) -> list[bytes]:
    """Our signatures as datatrove files them: a record a text with eight minima and its number, in order."""
    minima, words = signatures(pa.array(texts, pa.large_string()), COMPAT[hash_name], BANDS * ROWS)
    row = np.flatnonzero(COMPAT[hash_name].has_shingles(words))
    layout = np.dtype([*((f"minimum{index}", "<u8") for index in range(ROWS)), ("row", "<u4")])
    files = []
    for band in range(BANDS):
        records = np.empty(len(row), dtype=layout)
        for index in range(ROWS):
            records[f"minimum{index}"] = minima[row, band * ROWS + index]
        records["row"] = row
        records.sort(order=layout.names)
        files.append(records.tobytes())
    return files


def test_the_known_text() -> None:
    text = "Café №5: It's 3,141.59 km — “Hello”,\n\tWORLD… don't ١٢٣"
    assert normalized([text]) == ["cafe №0 it s 0 0 km hello world don t 0"]


def test_the_known_signatures() -> None:
    text = pa.array(["The quick brown fox jumps over the lazy dog on Monday 12 March 2024, again!"])
    (batch,) = shingle_batches(text, COMPAT["sha1"])
    assert batch.hashes[:3].tolist() == [12313522834835307089, 13802602654544986703, 6350799717277693736]
    assert len(batch.hashes) == 11
    assert signatures(text, COMPAT["xxh64"]).minima[0, 0] == 85330943174081874
    assert signatures(text, COMPAT["sha1"]).minima[0, :ROWS].tolist() == [
        *(585594454516184072, 142873579075665304, 210518981504434719, 181480648302215019),
        *(33014629586198151, 295150809832830541, 287620626207065777, 189551909997604722),
    ]


def test_every_character_alone_inside_a_word_and_inside_a_number() -> None:
    assigned = [character for character in EVERY_CHARACTER if unicodedata.category(character) not in ("Cn", "Co")]
    forms = [f"{character} x{character}y1{character}2 " for character in assigned]
    texts = ["".join(forms[start : start + 1000]) for start in range(0, len(forms), 1000)]
    assert normalized(texts) == [expected(text) for text in texts]


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from(TRICKY) | st.characters(exclude_categories=["Cs"]))))
def test_any_text(texts: list[str]) -> None:
    assert normalized(texts) == [expected(text) for text in texts]


@settings(deadline=None)
@given(st.text(alphabet=TRICKY, max_size=12))
def test_marks_and_numbers_in_any_mixture(text: str) -> None:
    assert normalized([text]) == [expected(text)]


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 9))
def test_hash_functions(data: bytes, before: int) -> None:
    array = np.frombuffer(b"x" * before + data + b"rest", dtype=np.uint8)
    end = before + len(data)
    assert xxh64(array, before, end) == xxhash.xxh64_intdigest(data)
    found = sha1_first_eight(array, before, end, np.empty(80, dtype=np.uint64))
    assert found == struct.unpack("<Q", hashlib.sha1(data).digest()[:8])[0]


def test_texts_shorter_than_a_shingle_have_no_signature() -> None:
    texts = pa.array(["one two three four", "one two three four five", "It's here, 4", "", None])
    signed = signatures(texts, COMPAT["xxh64"])
    assert signed.units.tolist() == [4, 5, 4, 0, 0]
    assert COMPAT["xxh64"].has_shingles(signed.units).tolist() == [False, True, False, False, False]
    assert (signed.minima[[0, 2, 3, 4]] == 2**64 - 1).all()
    assert Shingling().has_shingles(signed.units).tolist() == [True, True, True, False, False]


@pytest.mark.parametrize("hash_name", HASHES)
def test_recorded_signature_files_of_all_near_duplicates(shared_data: Path, hash_name: str) -> None:
    """Renewed by `python -m tests.stages.minhash.datatrove_oracle`."""
    texts = list(read_texts(shared_data / "neardup/dev_docs.jsonl.zst"))
    assert digests(signature_files(texts, hash_name)) == json.loads(GOLDEN.read_text())[hash_name]


@pytest.mark.slow
@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("corpus", ["neardup/dev_docs.jsonl.zst", "wet/dev.warc.wet.gz"])
def test_signature_files(shared_data: Path, tmp_path: Path, hash_name: str, corpus: str) -> None:
    python = peers_python()
    if python is None:
        pytest.skip("datatrove is not here: run `make peers` or set CORPUSMILL_PEERS_PYTHON")
    texts = [*read_texts(shared_data / corpus), "short text", "ΌΣΟΣ a̱ b̀ 가각 don't 3.5,7 km² \U0001d160 — 中国"]
    assert signature_files(texts, hash_name) == ask_datatrove(python, texts, hash_name, tmp_path)
