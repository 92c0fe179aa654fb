"""Training gives the merges of Hugging Face's BpeTrainer, one by one."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenizer.bpe_train import train_merges
from tokenizer.bytes_alphabet import to_bytes, to_characters
from tokenizer.errors import TokenizerError
from tokenizer.pretokenize import split_pattern
from tokenizer.word_counts import WordCounter


def ours(texts: list[str], pattern: str, size: int) -> tuple[list[str], list[tuple[str, str]]]:
    counter = WordCounter(split_pattern(pattern))
    counter.add(pa.array(texts, pa.large_string()))
    trained = train_merges(counter.finish(), size)
    tokens = [to_characters(token) for token in trained.tokens]
    return tokens, [(tokens[left], tokens[right]) for left, right in trained.merges]


def theirs(texts: list[str], pattern: str, size: int) -> tuple[list[str], list[tuple[str, str]]]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([split_pattern(pattern).splitter(), byte_level])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=alphabet)
    bpe.train_from_iterator(texts, trainer)
    model = json.loads(bpe.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].__getitem__), [tuple(pair) for pair in model["merges"]]


@pytest.mark.parametrize(("corpus", "pattern", "size"), [
    ("tech", "gpt4", 8000),
    ("tech", "gpt2", 4000),
    ("speeches", "gpt4", 8000),
    ("languages", "gpt4", 8000),
    ("languages", "o200k", 2000),
])  # fmt: skip
def test_merges_of_real_texts(corpora: dict[str, list[str]], corpus: str, pattern: str, size: int) -> None:
    texts = corpora[corpus]
    assert ours(texts, pattern, size) == theirs(texts, pattern, size)


def test_merges_of_the_reference_corpus(shared_data: Path) -> None:
    """The recorded merges break ties the other way (greater pair first): they differ in ties alone."""
    folder = shared_data / "peers" / "bpe"
    text = (folder / "corpus.en").read_text()
    tokens, merges = ours([text], "gpt2", 499)
    assert (tokens, merges) == theirs([text], "gpt2", 499)
    lines = (folder / "train-bpe-reference-merges.txt").read_text().splitlines()
    recorded = [tuple(line.split(" ")) for line in lines]
    assert len(recorded) == len(merges)
    assert recorded[:31] == merges[:31]
    assert len(set(recorded) - set(merges)) <= 4


@settings(deadline=None, max_examples=150)
@given(st.lists(st.text("ab-= \n", max_size=60), max_size=12), st.sampled_from(["gpt4", "gpt2"]))
def test_merges_where_tokens_overlap_themselves(texts: list[str], pattern: str) -> None:
    assert ours(texts, pattern, 330) == theirs(texts, pattern, 330)


def test_counts_beyond_32_bits_do_not_wrap() -> None:
    words = pa.table(
        {"word": pa.array([b"ab", b"cd", b"ef"], pa.large_binary()), "count": [1 << 32, (1 << 40) + 1, 1 << 40]}
    )
    trained = train_merges(words, 259)
    assert trained.tokens[256:] == [b"cd", b"ef", b"ab"]


def test_training_ends_when_no_pair_is_left() -> None:
    words = pa.table({"word": pa.array([b"abc"], pa.large_binary()), "count": [2]})
    assert train_merges(words, 1000).tokens[256:] == [b"ab", b"abc"]
    assert train_merges(words.slice(1), 1000).merges == []


def test_a_vocabulary_smaller_than_the_bytes_is_refused() -> None:
    words = pa.table({"word": pa.array([], pa.large_binary()), "count": pa.array([], pa.int64())})
    with pytest.raises(TokenizerError, match="256 bytes"):
        train_merges(words, 200)


def test_alphabet_is_that_of_gpt2(shared_data: Path) -> None:
    vocabulary = json.loads((shared_data / "peers" / "bpe" / "gpt2_vocab.json").read_text())
    words = pa.table({"word": pa.array([], pa.large_binary()), "count": pa.array([], pa.int64())})
    tokens = train_merges(words, 256).tokens
    assert [vocabulary[to_characters(token)] for token in tokens] == list(range(256))
    assert all(to_bytes(to_characters(token)) == token for token in tokens)
    assert to_bytes("a b") is None
