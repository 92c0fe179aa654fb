"""C4 as TensorFlow Datasets makes it: its own order of edits, and what DCLM records of the same steps."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stages.c4 import C4Filter
from stages.c4_lines import C4Lines

OFF: dict[str, Any] = {
    "profile": "c4-tfds",
    "max_word_length": None,
    "remove_citations": False,
    "terminal_punctuation": None,
    "min_line_words": None,
    "cut_javascript": False,
    "cut_policy": False,
}
SENTENCE = "Five words make a line."


def edited(text: str, **edits: Any) -> dict[str, Any]:
    return C4Lines(**edits)(pa.record_batch({"text": pa.array([text], pa.large_string())})).to_pylist()[0]


def test_words_are_counted_without_citations_and_five_make_a_line() -> None:
    text = f"{SENTENCE}\nOnly four words [1] here.\nNow there are five words [citation needed].\nIt ends with one'"
    assert edited(text, profile="c4-tfds")["text"] == f"{SENTENCE}\nNow there are five words ."
    assert "four words" in edited(text)["text"], "datatrove counts citations among the words"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (None, None),
        ("This page of javascript { goes on.", None),
        ("This page has a { in it.", "curly_bracket"),
        ("This says Lorem Ipsum in javascript and so on.", "lorem_ipsum"),
        ("{ too short.", None),
    ],
)
def test_pages_are_judged_in_c4s_order(line: str | None, rule: str | None) -> None:
    lines = [SENTENCE] * 3 + ([line] if line else [])
    table = pa.table({"text": pa.array(["\n".join(lines)], pa.large_string())})
    judged = C4Filter(profile="c4-tfds").apply(C4Lines(profile="c4-tfds").apply(table))
    assert judged.column("rule").to_pylist() == [rule]


def test_three_sentences_make_a_page() -> None:
    table = pa.table({"text": pa.array(["\n".join([SENTENCE] * count) for count in (2, 3)], pa.large_string())})
    for profile, rules in (("c4-tfds", ["too_few_sentences", None]), ("datatrove-0.10", ["too_few_sentences"] * 2)):
        judged = C4Filter(profile=profile).apply(C4Lines(profile=profile).apply(table))
        assert judged.column("rule").to_pylist() == rules


def test_edits_that_dclm_took_from_c4_are_as_recorded(shared_data: Path) -> None:
    """Blank lines, which DCLM keeps and C4 does not, and a mark before white space at a line's end are left aside."""
    edits = {
        "citation_removal_modifier": {"remove_citations": True},
        "punctuation_line_modifier": {"terminal_punctuation": [".", "!", "?", '"']},
    }
    checked = 0
    for case in json.loads((shared_data / "peers" / "dclm.json").read_text())["cases"]:
        function, expected = case["function"], case["expected"]
        if function not in edits or isinstance(expected, dict) or not expected:
            continue
        if function == "punctuation_line_modifier" and not case["factory_kwargs"]:
            continue  # C4 cuts lines that trail off
        text = edited(case["args"][0]["text"], **{**OFF, **edits[function]})["text"]
        assert text.split("\n") == [line.strip() for line in expected[0]["text"].split("\n") if line.strip()], case
        checked += 1
    assert checked == 2
