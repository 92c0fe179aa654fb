"""The stages c4_lines and c4: equal to the definitions on any text, and to datatrove 0.10 on its own cases."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from c4_reference import edit
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.base import StageError
from stages.c4 import C4Filter
from stages.c4_lines import C4Lines
from stages.judge import Judge
from stages.punctuation_table import SENTENCE_END, punctuation_classes

_WORDS = [
    "the ",
    "cat ",
    "dog. ",
    " of",
    "e.g. ",
    "U.S.",
    "Lorem ipsum ",
    "JavaScript",
    "use coo\u212aies",
    "terms of use",
]
_MARKS = [
    "{",
    "[12]",
    "[]",
    "[edit]",
    "[citation needed]",
    "[1",
    "].",
    "...",
    "?",
    "!",
    '"',
    "'",
    "。",
    "…",
    ").",
    ". . ",
]
_SPACES = ["\n", "\n\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", "\x1f", " ", "  ", "\t", "\u00a0"]
LINES = st.lists(st.sampled_from(["One more of them. ", "Is it so? Yes! ", "a b c\n", *_WORDS]), max_size=9).map(
    "".join
)
PIECES = st.sampled_from([*_WORDS, *_MARKS, *_SPACES, "é", "日本", "٣", "İ", "🙂"])
TEXTS = st.lists(PIECES | LINES, max_size=40).map("".join) | st.text(max_size=60)

#: datatrove's names of our parameters.
NAMES = {"min_num_sentences": "min_sentences", "min_words_per_line": "min_line_words"}


def batch(texts: list[str | None]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def reasons(stage: C4Filter, measured: pa.RecordBatch) -> list[str | None]:
    rules = stage.rules()
    return [None if index < 0 else rules[index].name for index in Judge(rules)(stage(measured)).first]


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(["", ".?!\"'", ".。"]), st.sampled_from([0, 3]))
@example(["Seen there. [1] [2]", "[1]", "[1] [2]\nso it is.", "a [edit] b c {javascript"], "", 0)
def test_edits_and_counts_are_those_of_the_definitions(texts: list[str], ends: str, min_words: int) -> None:
    stage = C4Lines(terminal_punctuation=tuple(ends), min_line_words=min_words, max_word_length=12)
    assert stage(batch(texts)).to_pylist() == [edit(text, ends, min_words, 12) for text in texts]


def test_batching_and_slicing_change_nothing() -> None:
    texts = ["The cat sat on the mat.\nshort\nIt stayed there.", None, "", "use of cookies here.", "日本語。"]
    stage = C4Lines()
    whole = stage(batch(texts)).to_pylist()
    assert whole == [row for text in texts for row in stage(batch([text])).to_pylist()]
    assert whole == stage(batch(["x", *texts, "y"]).slice(1, len(texts))).to_pylist()


def test_lines_that_were_cut_can_be_kept_to_look_at() -> None:
    texts = batch(["The cat sat on the mat.\n  too short \nWe use cookies on this site.\nIt sat [1] on.", None])
    stage = C4Lines(keep_cut_lines=True)
    edited = stage(texts)
    assert edited.column("c4_cut_text").to_pylist() == ["too short\nWe use cookies on this site.", ""]
    assert edited.column("text").to_pylist() == ["The cat sat on the mat.\nIt sat  on.", None]
    assert stage(texts.slice(0, 0)).schema == edited.schema
    assert "c4_cut_text" not in C4Lines()(texts).schema.names


def test_each_sentence_final_mark_ends_a_sentence_wherever_it_stands() -> None:
    marks = [chr(point) for point in np.flatnonzero(punctuation_classes() & SENTENCE_END)]
    texts = [f"{'word ' * 20}Русский текст {mark} and so on" for mark in marks]

    counts = C4Lines(terminal_punctuation=None)(batch(texts))["c4_sentences"].to_pylist()

    assert len(marks) > 100
    assert counts == [2] * len(marks)


def test_a_sentence_goes_on_in_a_word_whose_last_byte_is_the_number_of_a_white_space() -> None:
    texts = ["I met Р. Smith today and more", "voilà! Next one here.", "chữ viết Å. và х. cuối", "ไทย.ภาษา a"]

    counts = C4Lines(terminal_punctuation=None, min_line_words=1)(batch(texts))["c4_sentences"].to_pylist()

    replaced = [text.translate(str.maketrans("РàÅх", "БéÄч")) for text in texts]
    assert counts == C4Lines(terminal_punctuation=None, min_line_words=1)(batch(replaced))["c4_sentences"].to_pylist()
    assert counts[:2] == [1, 2]


def test_whichever_stands_first_of_lorem_ipsum_and_a_curly_bracket_is_the_reason() -> None:
    lorem, curly, script = "Here stands lorem ipsum now.", "Here stands { now too.", "So does javascript { here."
    cases = {(lorem, curly): "lorem_ipsum", (curly, lorem): "curly_bracket", (script, lorem): "lorem_ipsum"}
    texts = batch(["\n".join(lines) for lines in cases])
    assert reasons(C4Filter(), C4Lines()(texts)) == list(cases.values())
    assert reasons(C4Filter(drop_curly_bracket=False), C4Lines()(texts)) == ["lorem_ipsum"] * 3
    assert reasons(C4Filter(drop_lorem_ipsum=False, min_sentences=None), C4Lines()(texts))[:2] == ["curly_bracket"] * 2


def test_the_page_rules_say_which_stage_they_need() -> None:
    with pytest.raises(StageError, match=r"stage 'c4' needs a column 'c4_lorem_ipsum_line'; put c4_lines before it"):
        C4Filter()(batch([]))


def test_decisions_and_texts_of_datatroves_own_tests(shared_data: Path) -> None:
    cases = json.loads((shared_data / "peers" / "datatrove.json").read_text())["cases"]
    cases = [case for case in cases if case["filter"] == "c4_quality"]
    assert len(cases) == 5
    for case in cases:
        given_ = {NAMES[name]: max(value, 0) for name, value in case["params"].items()}
        stage = C4Filter(**{name: value for name, value in given_.items() if name in C4Filter.model_fields})
        lines = C4Lines(**{name: value for name, value in given_.items() if name in C4Lines.model_fields})
        edited = lines(batch([case["text"]]))
        assert reasons(stage, edited) == [case["expected"]["reason"]], case["text"][:60]
        assert case.get("expected_text_lacks", "\0") not in edited.column("text")[0].as_py()
