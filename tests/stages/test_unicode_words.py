"""Words of any script: Unicode's boundaries, and units where a script has no spaces."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
import regex
from gopher_reference import measure
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.texts import read_lines, read_texts
from stages.fineweb import FineWebFilter
from stages.gopher import GopherFilter
from stages.words import split_unicode

#: No vowel after an apostrophe and no marks: there the oracle departs from UAX #29.
_LETTERS = ["b", "d", "ß", "ж", "ء", "א", "한", "©", "👩", "1", "2", "٣"]
_MARKS = [".", ",", "'", "’", '"', "_", ":", ";", "-", "!", "·", "٫", " ", "  ", "\n", "\u3000"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_LETTERS + _MARKS), max_size=30).map("".join))
def test_scripts_with_spaces_are_split_at_unicodes_word_boundaries(text: str) -> None:
    assert split_unicode(text) == [word for word in regex.split(r"(?wV1)\b", text) if word.strip()]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_words_lie_in_the_text_in_order_and_leave_only_white_space(text: str) -> None:
    rest = text
    for word in split_unicode(text):
        before, found, rest = rest.partition(word)
        assert found and not before.replace("\u200b", "").strip()
    assert not rest.replace("\u200b", "").strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("can't 3.14 e\u0301té U.S.", ["can't", "3.14", "e\u0301té", "U.S", "."]),
        ("日本語のテキスト、です。", ["日本", "語の", "テキスト", "、", "です", "。"]),
        ("ภาษาไทยไม่มี", ["ภาษา", "ไทยไ", "ม่มี"]),
        ("ប្រទេសកម្ពុជា", ["ប្រទេសក", "ម្ពុជា"]),
        ("ខ្ញុំ\u200bទៅ", ["ខ្ញុំ", "ទៅ"]),
        ("བོད་ཡིག", ["བོད་", "ཡིག"]),
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("👩\u200d👩\u200d👧🇫🇷🇩🇪", ["👩\u200d👩\u200d👧", "🇫🇷", "🇩🇪"]),
    ],
)
def test_runs_without_spaces_are_cut_into_units_and_marks_stay_with_their_letter(text: str, words: list[str]) -> None:
    assert split_unicode(text) == words


def batch(texts: list[str]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["word ", "don't ", "a.", "\n", "日本語", "テスト", "ไทย", "é", "…", "- "]), max_size=40)
)
def test_rules_measure_these_words_and_count_wide_characters_twice(pieces: list[str]) -> None:
    text = "".join(pieces)
    words = split_unicode(text)
    expected = measure(text, words)
    if expected["gopher_real_words"]:
        wide = sum("\u3000" < character < "\ufb00" for character in text)
        expected["gopher_word_length"] += wide / expected["gopher_real_words"]
    measured = GopherFilter(words="unicode", profile="fineweb-v1")(batch([text])).drop_columns(["text"]).to_pylist()[0]
    assert measured == pytest.approx(expected, nan_ok=True)
    assert FineWebFilter(words="unicode")(batch([text])).column("fineweb_words").to_pylist() == [len(words)]


def test_no_language_without_spaces_is_dropped_for_its_mean_word_length(shared_data: Path) -> None:
    """The Declaration of Human Rights; English words would drop all of these."""
    wanted = {"cmn_hans", "cmn_hant", "jpn", "tha", "khm", "lao", "mya", "bod", "kor", "eng"}
    found = dropped(read_declarations(shared_data, wanted), "unicode")
    assert found == dict.fromkeys(wanted, False)
    english_words = dropped(read_declarations(shared_data, wanted), "english")
    assert {code for code, is_dropped in english_words.items() if is_dropped} == wanted - {"eng"}


def read_declarations(shared_data: Path, codes: set[str]) -> dict[str, str]:
    rows = map(json.loads, read_lines(shared_data / "langid" / "udhr.jsonl.zst"))
    return {row["code"]: row["text"] for row in rows if row["code"] in codes}


def dropped(texts: dict[str, str], words: str) -> dict[str, bool]:
    stage = GopherFilter(words=words)
    lengths = stage(batch(list(texts.values()))).column("gopher_word_length").to_pylist()
    return {
        code: not stage.min_avg_word_length <= length <= stage.max_avg_word_length
        for code, length in zip(texts, lengths, strict=True)
    }


@pytest.mark.slow
def test_pages_of_crawls_are_not_dropped_for_it_either(shared_data: Path) -> None:
    east_asian = [text for text in read_texts(shared_data / "warc") if mostly_without_spaces(text)]
    assert len(east_asian) > 300
    judged = dropped({str(place): text for place, text in enumerate(east_asian)}, "unicode")
    assert sum(judged.values()) <= len(judged) // 100


def mostly_without_spaces(text: str) -> bool:
    return len(regex.findall(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Khmer}]", text)) > len(text) / 3
