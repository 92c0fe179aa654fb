"""The stage c4_paragraphs: the definition on any text, and datatrove 0.10's own cases."""

import json
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.c4_paragraphs import C4ParagraphFilter
from stages.judge import Judge


def measure(texts: list[str | None]) -> pa.RecordBatch:
    return C4ParagraphFilter()(pa.record_batch({"text": pa.array(texts, pa.large_string())}))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("aé \n\r", max_size=30), max_size=4))
def test_the_third_longest_line_is_measured(texts: list[str]) -> None:
    lengths = [sorted(map(len, text.split("\n")), reverse=True) for text in texts]
    expected = [of_one[2] if len(of_one) > 2 else 0 for of_one in lengths]
    assert measure(texts).column("c4_third_longest_line").to_pylist() == expected


def test_decisions_of_datatroves_own_tests(shared_data: Path) -> None:
    cases = json.loads((shared_data / "peers" / "datatrove.json").read_text())["cases"]
    cases = [case for case in cases if case["filter"] == "c4_paragraph"]
    assert len(cases) == 2
    (rule,) = C4ParagraphFilter().rules()
    first = Judge([rule])(measure([case["text"] for case in cases])).first
    found = [None if index < 0 else rule.name for index in first]
    assert found == [case["expected"]["reason"] for case in cases]
