"""tokenizer.json: equal bytes for equal vocabularies, readable by `tokenizers`, one clear line for anything else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import tokenizer
from tokenizer.bpe_train import train_merges
from tokenizer.errors import TokenizerError
from tokenizer.file import tokenizer_json, write_tokenizer
from tokenizer.pretokenize import split_pattern

WORDS = pa.table({"word": pa.array([b" the", b"cat", b"\xff\xfe"], pa.large_binary()), "count": [5, 3, 1]})


def test_equal_vocabularies_give_equal_bytes(tmp_path: Path) -> None:
    trained = [train_merges(words, 260) for words in (WORDS, WORDS.take([2, 0, 1]))]
    assert tokenizer_json(trained[0], split_pattern("gpt4")) == tokenizer_json(trained[1], split_pattern("gpt4"))
    write_tokenizer(tmp_path / "deep" / "tokenizer.json", trained[0], split_pattern("gpt4"))
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["tokenizer.json"]


def test_tokenizers_reads_the_file_and_decodes_alike(tmp_path: Path) -> None:
    from tokenizers import Tokenizer as Reference

    path = tmp_path / "tokenizer.json"
    write_tokenizer(path, train_merges(WORDS, 262), split_pattern("gpt4"))
    bpe, reference = tokenizer.load(tmp_path), Reference.from_file(str(path))
    assert reference.get_vocab_size() == bpe.vocabulary_size == 263
    assert reference.token_to_id("<|endoftext|>") == bpe.end_of_text == 262
    text = "  the cat\n— naïve"
    assert reference.decode(reference.encode(text).ids) == text == bpe.decode(reference.encode(text).ids)


def test_bytes_of_tokens_are_exact(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "tokenizer.json", train_merges(WORDS, 262), split_pattern("gpt4"))
    bpe = tokenizer.load(tmp_path)
    assert {bpe.token_bytes(number) for number in range(256)} == {bytes([byte]) for byte in range(256)}
    token = next(number for number in range(263) if bpe.token_bytes(number) == b"\xff\xfe")
    assert bpe.decode_bytes([token, 0]) == b"\xff\xfe!"
    assert bpe.decode([token]) == "\ufffd\ufffd"
    for wrong in (-1, 263):
        with pytest.raises(TokenizerError, match=f"id {wrong} is outside the vocabulary of 263"):
            bpe.decode([0, wrong])


def _without_endoftext(content: dict[str, Any]) -> None:
    content["added_tokens"] = []


def _with_normalizer(content: dict[str, Any]) -> None:
    content["normalizer"] = {"type": "Lowercase"}


def _without_a_byte(content: dict[str, Any]) -> None:
    del content["model"]["vocab"]["!"]


def _word_piece(content: dict[str, Any]) -> None:
    content["model"]["type"] = "WordPiece"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_endoftext, "added_tokens has no <|endoftext|>"),
        (_with_normalizer, "has a normalizer"),
        (_without_a_byte, "lacks some of the 256 bytes"),
        (_word_piece, "not a BPE tokenizer.json"),
    ],
)
def test_files_that_would_break_promises_are_refused(
    change: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    content = json.loads(tokenizer_json(train_merges(WORDS, 260), split_pattern("gpt4")))
    change(content)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(TokenizerError) as raised:
        tokenizer.load(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert message in str(raised.value)
    assert raised.value.exit_status == 2


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"model": 3}'])
def test_other_files_are_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: not "):
        tokenizer.load(path)
    with pytest.raises(TokenizerError, match="no such file"):
        tokenizer.load(tmp_path / "absent.json")
