"""The gopher stage: equal to datatrove 0.10 and to the definitions, on any text."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from gopher_reference import measure
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.gopher import GopherFilter
from stages.judge import Judge
from stages.words import split

_WORDS = [
    "the",
    "cat ",
    "dog. ",
    " of",
    "12",
    "don't ",
    "e.g. ",
    "°C.",
    "U.S.",
    "http://a.org/b ",
    "a-b",
    "é",
    "日本",
    "🙂",
]
_SPACES = ["\n", "\n\n", "\r\n", "\u2028", "\x1c", " ", "\t", "\u00a0"]
_MARKS = ["- ", "• ", "...", "…", ". . .", "#", ":)", "(", "''"]
PIECES = st.sampled_from([*_WORDS, *_SPACES, *_MARKS])
TEXTS = st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=60)


def batch(texts: list[str | None]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def reasons(stage: GopherFilter, measured: pa.RecordBatch) -> list[str | None]:
    rules = stage.rules()
    return [None if index < 0 else rules[index].name for index in Judge(rules)(measured).first]


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
@example(["ab c d e f a bc d e f g h"])
@example(["a b c d e f g h i j " * 3])
@example(["\n\na\n\na\n"])
def test_measurements_are_those_of_the_definitions(texts: list[str]) -> None:
    measured = GopherFilter(profile="fineweb-v1")(batch(texts)).drop_columns(["text"]).to_pylist()
    assert measured == [measure(text, split(text)) for text in texts]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("ab", min_size=1, max_size=9), max_size=80))
def test_n_grams_of_few_words_are_counted_as_defined(words: list[str]) -> None:
    text = " ".join(words)
    measured = GopherFilter(profile="fineweb-v1").measure_given_words(batch([text]), [words]).drop_columns(["text"])
    assert measured.to_pylist() == [measure(text, words)]


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_words_lie_in_the_text_in_order_and_leave_only_white_space(text: str) -> None:
    rest = text
    for word in split(text):
        before, found, rest = rest.partition(word)
        assert found and not before.strip() and not any(map(str.isspace, word))
    assert not rest.strip()


def test_words_from_outside_may_be_white_space_which_is_no_symbol() -> None:
    given = [["a", "  ", "—", "7", "\u2003", "日本"]]
    measured = GopherFilter().measure_given_words(batch(["a  —7\u2003日本"]), given)

    assert measured["gopher_words"].to_pylist() == [6]
    assert measured["gopher_real_words"].to_pylist() == [5]
    assert measured["gopher_alpha_words"].to_pylist() == [2 / 6]
    assert measured["gopher_word_length"].to_pylist() == [7 / 5]


def test_batching_and_slicing_change_nothing() -> None:
    texts = ["The cat sat on the mat.", None, "", "Don't - ever - do that again… " * 9, "日本語のテキスト"]
    stage = GopherFilter()
    whole = stage(batch(texts)).to_pylist()
    single = [row for text in texts for row in stage(batch([text])).to_pylist()]
    sliced = stage(batch(["x", *texts, "y"]).slice(1, len(texts))).to_pylist()
    assert whole == single == sliced


@pytest.mark.parametrize("text", ["", None, " ", "\t\n"])
def test_a_text_without_words_is_too_short(text: str | None) -> None:
    stage = GopherFilter()
    assert reasons(stage, stage(batch([text]))) == ["gopher_short_doc"]


def test_a_null_threshold_turns_its_rule_off_and_order_chooses_groups() -> None:
    names = [rule.name for rule in GopherFilter(min_doc_words=None, order=("quality",)).rules()]
    assert "gopher_short_doc" not in names and "dup_line_frac" not in names
    assert GopherFilter().rules()[0].name == "dup_para_frac"


def test_a_unit_is_cut_off_its_number_and_nothing_like_it() -> None:
    assert split("5kg 5\0kg 3km.") == ["5", "kg", "5\0kg", "3", "km", "."]


def test_a_word_joins_exceptions_and_cuts_punctuation() -> None:
    text = "Don't (e.g. at 10km/h) visit well-known http://x.org/a?b=c, U.S.A. or foo.py's :)"
    inside = ["(", "e.g.", "at", "10", "km/h", ")"]
    after = ["visit", "well", "-", "known", "http://x.org/a?b=c", ",", "U.S.A.", "or", "foo.py", "'s", ":)"]
    assert split(text) == ["Do", "n't", *inside, *after]


def test_an_exception_may_be_more_words_than_what_it_joins() -> None:
    degrees = ["°", "K", ".", "°", "F", ".", "°", "c", "."]
    assert split("(20 °C.), °K.°F.°c.)") == ["(", "20", "°", "C", ".", ")", ",", *degrees, ")"]
    assert split("°C." * 5000) == ["°", "C", "."] * 5000


def test_decisions_of_datatroves_own_tests(shared_data: Path) -> None:
    cases = json.loads((shared_data / "peers" / "datatrove.json").read_text())["cases"]
    for case in cases:
        group = case["filter"].removeprefix("gopher_")
        if group in ("quality", "repetition"):
            stage = GopherFilter(order=(group,), **case["params"])
            assert reasons(stage, stage(batch([case["text"]]))) == [case["expected"]["reason"]], case["text"][:60]
