"""Text goes to ids and comes back byte for byte, never yields special ids, and every engine agrees."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tokenizer
from tokenizer.bpe_train import train_merges
from tokenizer.file import END_OF_TEXT, write_tokenizer
from tokenizer.pretokenize import PATTERNS, split_pattern

Trained = Callable[[str], tokenizer.Tokenizer]

#: A character that this interpreter's Unicode data does not know, and gigatoken and tokenizers see differently.
NEWER = "\U000323b0"
texts = st.text(st.one_of(st.sampled_from("'sT re1\n \r…\u0301\u00a0é中😀<|>" + NEWER), st.characters(codec="utf-8")))


def documents_of(batch: tokenizer.EncodedBatch) -> list[list[int]]:
    return [batch.ids[a:b].tolist() for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)]


@pytest.mark.parametrize("name", PATTERNS)
def test_batches_equal_tokenizers_and_decode_to_the_bytes(
    name: str, trained: Trained, corpora: dict[str, list[str]]
) -> None:
    from tokenizers import Tokenizer as Reference

    bpe = trained(name)
    assert bpe.engine == ("tokenizers" if name == "nanochat" else "gigatoken")
    reference = Reference.from_str(bpe._file.engine_json())
    for texts in corpora.values():
        some = texts[:25]
        found = documents_of(bpe.encode_batch(pa.array(some, pa.large_string())))
        assert found == [encoding.ids for encoding in reference.encode_batch(some)]
        assert [bpe.decode_bytes(ids) for ids in found] == [text.encode() for text in some]


@pytest.mark.parametrize("name", ["gpt4", "gpt2", "o200k"])
@settings(deadline=None, max_examples=300)
@given(st.lists(texts, max_size=5))
def test_engines_agree_on_any_text(name: str, trained: Trained, texts: list[str]) -> None:
    bpe = trained(name)
    found = documents_of(bpe.encode_batch(pa.array(texts, pa.string())))
    assert found == [bpe.encode(text) for text in texts]
    assert [bpe.decode(ids) for ids in found] == texts


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize(
    "text", ["<|endoftext|>", "a<|endoftext|>b", "x <|endoftext|>\n<|endoftext|>", f"{NEWER}<|endoftext|>"]
)
def test_text_never_yields_special_ids(name: str, text: str, trained: Trained) -> None:
    bpe = trained(name)
    for ids in (bpe.encode(text), bpe.encode_batch(pa.array([text])).ids.tolist()):
        assert bpe.end_of_text not in ids
        assert bpe.decode(ids) == text


def test_special_ids_are_text_only_when_decoded(trained: Trained) -> None:
    bpe = trained("gpt4")
    assert bpe.end_of_text == bpe.vocabulary_size - 1
    assert bpe.decode([bpe.end_of_text]) == END_OF_TEXT == bpe.token_bytes(bpe.end_of_text).decode()


def test_nulls_slices_and_empty_batches(trained: Trained) -> None:
    bpe = trained("gpt4")
    batch = bpe.encode_batch(pa.array(["zero", None, "", "two"]).slice(1))
    assert documents_of(batch) == [[], [], bpe.encode("two")]
    assert documents_of(bpe.encode_batch(pa.chunked_array([["one"], [], ["two"]]))) == [
        bpe.encode("one"),
        bpe.encode("two"),
    ]
    empty = bpe.encode_batch(pa.array([], pa.large_string()))
    assert (len(empty.ids), empty.offsets.tolist()) == (0, [0])


def test_ids_are_as_narrow_as_the_vocabulary_allows(trained: Trained, tmp_path: Path) -> None:
    assert trained("gpt4").encode_batch(pa.array(["a", NEWER])).ids.dtype == np.uint16
    letters = [
        bytes([a, b, c, d]) for a in b"abcdefgh" for b in b"ijklmnop" for c in range(64, 96) for d in range(96, 128)
    ]
    words = pa.table({"word": pa.array(letters, pa.large_binary()), "count": np.arange(len(letters)) + 1})
    write_tokenizer(tmp_path / "tokenizer.json", train_merges(words, 66_000), split_pattern("gpt4"))
    wide = tokenizer.load(tmp_path)
    assert wide.vocabulary_size > 1 << 16
    assert wide.encode_batch(pa.array(["a"])).ids.dtype == np.uint32


def test_ids_of_gpt2_are_the_recorded_ones(shared_data: Path, tmp_path: Path) -> None:
    """A tokenizer.json of somebody else: GPT-2's own vocabulary, whose end-of-text is part of the model."""
    folder = shared_data / "peers" / "bpe"
    vocabulary = json.loads((folder / "gpt2_vocab.json").read_text())
    merges = [line for line in (folder / "gpt2_merges.txt").read_text().splitlines() if not line.startswith("#version")]
    added = {"id": 50256, "content": END_OF_TEXT, "single_word": False, "lstrip": False, "rstrip": False}
    content = {
        "added_tokens": [{**added, "normalized": False, "special": True}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    }
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    bpe = tokenizer.load(path)
    assert (bpe.vocabulary_size, bpe.end_of_text, bpe.engine) == (50257, 50256, "gigatoken")
    recorded = json.loads((folder / "expected_gpt2_ids.json").read_text())
    cases = [(_text_of(case, folder), case["ids"]) for case in recorded["cases"]]
    batch = bpe.encode_batch(pa.array([text for text, _ in cases]))
    assert documents_of(batch) == [ids for _, ids in cases]
    assert [bpe.decode(ids) for _, ids in cases] == [text for text, _ in cases]


def _text_of(case: dict, folder: Path) -> str:
    return case["text"] if "text" in case else (folder / case["file"]).read_text()
