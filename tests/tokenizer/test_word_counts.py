"""Word counts are what `tokenizers` would count, for every pattern, script, batch and split."""

import unicodedata
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokenizer.character_classes import LETTER, LIMIT, NEWLINE, NUMBER, OTHER, SPACE, UNKNOWN, character_classes
from tokenizer.errors import TokenizerError
from tokenizer.pretokenize import PATTERNS, SplitPattern, split_pattern
from tokenizer.word_counts import WordCounter, merge_word_counts

#: What the patterns tell apart: contractions in both cases, the long s, digits of other scripts, marks,
#: every kind of blank and newline, punctuation, letters of two to four bytes.
ALPHABET = list("'sSſtTrReEvVlLmMdD a1٣²Ⅷ_!#…\u0301\t\n\r\v\f\x1c\x85\u00a0\u2028\u3000é中𐐀😀ﬆKß\ufffe\U0001fae0")
texts = st.lists(st.text(st.one_of(st.sampled_from(ALPHABET), st.characters(codec="utf-8")), max_size=30), max_size=4)


def counted(pattern: SplitPattern, batches: list[list[str]], **options: int) -> dict[bytes, int]:
    counter = WordCounter(pattern, **options)
    for batch in batches:
        counter.add(pa.array(batch, pa.string()))
    table = counter.finish()
    assert table["word"].to_pylist() == sorted(table["word"].to_pylist())
    return dict(zip(table["word"].to_pylist(), table["count"].to_pylist(), strict=True))


def reference(pattern: SplitPattern, texts: list[str]) -> Counter[bytes]:
    splitter = pattern.splitter()
    return Counter(word.encode() for text in texts for word, _ in splitter.pre_tokenize_str(text))


@pytest.mark.parametrize("name", PATTERNS)
@settings(deadline=None, max_examples=400)
@example(["don'T we'LL 'ſ ''s' 'r 'l", "x  \n\n  y", " \n", "1234567 12", "!?\r\n\r\nx", "a\u00a0 b"])
@given(texts)
def test_words_are_those_of_tokenizers(name: str, texts: list[str]) -> None:
    pattern = split_pattern(name)
    assert counted(pattern, [texts]) == reference(pattern, texts)


@pytest.mark.parametrize("name", PATTERNS)
def test_words_of_real_texts_are_those_of_tokenizers(name: str, corpora: dict[str, list[str]]) -> None:
    pattern = split_pattern(name)
    for texts in corpora.values():
        expected = reference(pattern, texts[:40])
        assert counted(pattern, [texts[:40]]) == expected
        assert counted(pattern, [texts[:13], [], texts[13:40]]) == expected


def test_classes_are_those_of_tokenizers() -> None:
    from tokenizers import Regex, pre_tokenizers

    table = character_classes()
    known = [point for point in range(LIMIT) if table[point] != UNKNOWN and not 0xD800 <= point < 0xE000]
    text = "".join(map(chr, known))
    classes = {r"\p{L}": (LETTER,), r"\p{N}": (NUMBER,), r"\s": (SPACE, NEWLINE), r"[\r\n]": (NEWLINE,)}
    for expression, wanted in classes.items():
        rest = pre_tokenizers.Split(Regex(f"{expression}+"), "removed").pre_tokenize_str(text)
        left = {known[i] for _, (start, end) in rest for i in range(start, end)}
        assert {point for point in known if table[point] not in wanted} == left
    assert {unicodedata.category(chr(point))[0] for point in known if table[point] == OTHER} >= {"P", "S", "M"}


def test_tables_grow_over_many_distinct_words() -> None:
    words = [f"w{number:x}é" * 3 for number in range(70_000)]
    assert counted(split_pattern("gpt2"), [[" ".join(words)]]) == reference(split_pattern("gpt2"), [" ".join(words)])


def test_merging_parts_equals_counting_the_whole() -> None:
    pattern = split_pattern("gpt4")
    parts = [["the cat", "and the dog"], [], ["the the"], ["\U0001fae9 the"]]
    tables = []
    for part in parts:
        counter = WordCounter(pattern)
        counter.add(pa.array(part, pa.large_string()))
        tables.append(counter.finish())
    whole = counted(pattern, parts)
    merged = merge_word_counts(tables)
    assert dict(zip(merged["word"].to_pylist(), merged["count"].to_pylist(), strict=True)) == whole
    assert merged.equals(merge_word_counts(reversed(tables)))
    assert merge_word_counts([]).num_rows == 0


def test_nulls_and_slices_are_read_as_they_stand() -> None:
    counter = WordCounter(split_pattern("gpt4"))
    counter.add(pa.array(["zero", "one", None, "", "two"]).slice(1))
    counter.add(pa.chunked_array([["three"], ["four"]]))
    assert counter.finish()["word"].to_pylist() == [b"four", b"one", b"three", b"two"]
    assert counter.text_bytes == len("onetwothreefour")


@pytest.mark.parametrize("name", ["gpt4", "o200k"])
def test_long_words_are_cut_between_characters_and_counted(name: str) -> None:
    counter = WordCounter(split_pattern(name), longest=8)
    counter.add(pa.array(["éééééé short"]))
    assert counter.finish()["word"].to_pylist() == [b" short", "éé".encode(), "éééé".encode()]
    assert counter.words_cut == 1


def test_unknown_pattern_names_the_known_ones() -> None:
    with pytest.raises(TokenizerError, match="gpt4, qwen2, nanochat, gpt2, o200k"):
        split_pattern("gpt3")
