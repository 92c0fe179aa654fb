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


def _with_prefix_space(content: dict[str, Any]) -> None:
    content["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = True


def _byte_level_alone_with_prefix_space(content: dict[str, Any]) -> None:
    content["pre_tokenizer"] = {**content["pre_tokenizer"]["pretokenizers"][1], "add_prefix_space": True}


def _without_blanks(content: dict[str, Any]) -> None:
    content["pre_tokenizer"]["pretokenizers"].insert(0, {"type": "Whitespace"})


def _without_pre_tokenizer(content: dict[str, Any]) -> None:
    content["pre_tokenizer"] = None


def _without_vocabulary(content: dict[str, Any]) -> None:
    del content["model"]["vocab"]


def _with_vocabulary_list(content: dict[str, Any]) -> None:
    content["model"]["vocab"] = list(content["model"]["vocab"])


def _with_merge_of_strangers(content: dict[str, Any]) -> None:
    content["model"]["merges"] = ["zz yy"]


def _with_bad_expression(content: dict[str, Any]) -> None:
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(("


def _with_wide_id(content: dict[str, Any]) -> None:
    content["model"]["vocab"]["zz"] = 1 << 32


def _with_word_for_id(content: dict[str, Any]) -> None:
    content["model"]["vocab"]["zz"] = "five"


def _with_shared_id(content: dict[str, Any]) -> None:
    content["model"]["vocab"]["zz"] = 5


def _with_endoftext_in_the_place_of_a_byte(content: dict[str, Any]) -> None:
    content["added_tokens"][0]["id"] = 5


def _with_plain_added_token(content: dict[str, Any]) -> None:
    content["added_tokens"] = ["x"]


def _with_added_object(content: dict[str, Any]) -> None:
    content["added_tokens"] = {"x": 1}


def _with_added_token_without_id(content: dict[str, Any]) -> None:
    del content["added_tokens"][0]["id"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_endoftext, "added_tokens has no <|endoftext|>"),
        (_with_normalizer, "has a normalizer"),
        (_without_a_byte, "lacks some of the 256 bytes"),
        (_word_piece, "not a BPE tokenizer.json"),
        (_with_prefix_space, "the pre_tokenizer has add_prefix_space"),
        (_byte_level_alone_with_prefix_space, "the pre_tokenizer has add_prefix_space"),
        (_without_blanks, "does not come back from its ids byte for byte"),
        (_without_pre_tokenizer, "does not come back from its ids byte for byte"),
        (_without_vocabulary, "model.vocab is missing or not an object"),
        (_with_vocabulary_list, "model.vocab is missing or not an object"),
        (_with_merge_of_strangers, "damaged (Token `zz` out of vocabulary)"),
        (_with_bad_expression, "damaged (Oniguruma error"),
        (_with_wide_id, "id 4294967296 of 'zz' is not within"),
        (_with_word_for_id, "id 'five' of 'zz' is not within"),
        (_with_shared_id, "and 'zz' share the id 5"),
        (_with_endoftext_in_the_place_of_a_byte, "and '<|endoftext|>' share the id 5"),
        (_with_plain_added_token, "added_tokens[0] has no content or no id"),
        (_with_added_object, "added_tokens is not a list"),
        (_with_added_token_without_id, "added_tokens[0] has no content or no id"),
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


def test_truncation_and_padding_that_a_file_asks_for_change_no_ids(tmp_path: Path) -> None:
    content = json.loads(tokenizer_json(train_merges(WORDS, 260), split_pattern("gpt4")))
    content["truncation"] = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    bpe = tokenizer.load(path)
    assert bpe.decode(bpe.encode("more than three tokens")) == "more than three tokens"


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"model": 3}', pytest.param("[" * 100_000, id="deep")])
def test_other_files_are_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: (is not|not|nests) "):
        tokenizer.load(path)
    with pytest.raises(TokenizerError, match="no such file"):
        tokenizer.load(tmp_path / "absent.json")
