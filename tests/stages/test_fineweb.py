"""The stage fineweb: equal to the definitions on any text, and to datatrove 0.10 on its own cases."""

import json
from pathlib import Path

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.fineweb import FineWebFilter
from stages.judge import Judge
from stages.punctuation_table import TERMINAL, punctuation_classes
from stages.words import split

PIECES = st.sampled_from(
    ["the cat sat on the mat, and so did its dog", "a.", "b!", "c'", "d…", "。", "\n", "\n\n", " ", "\r\n"]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)

#: datatrove's names of our parameters.
NAMES = {
    "line_punct_thr": "min_line_punct_ratio",
    "short_line_thr": "max_short_line_ratio",
    "short_line_length": "short_line_length",
    "new_line_ratio": "max_newline_ratio",
}


def batch(texts: list[str | None]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def reasons(stage: FineWebFilter, measured: pa.RecordBatch) -> list[str | None]:
    rules = stage.rules()
    return [None if index < 0 else rules[index].name for index in Judge(rules)(measured).first]


def measure(text: str, short: int) -> dict[str, float | int | None]:
    """The measurements, slow and straight from the definitions."""
    marks = punctuation_classes()
    lines = text.split("\n")
    full = [line for line in lines if line.strip()]
    words = split(text)

    def over(numerator: int, denominator: int) -> float | None:
        return numerator / denominator if denominator else None

    def is_terminal(line: str) -> bool:
        return bool(line) and ord(line[-1]) < len(marks) and bool(marks[ord(line[-1])] & TERMINAL)

    repeated = [line for index, line in enumerate(full) if line in full[:index]]
    return {
        "fineweb_lines": len(full),
        "fineweb_words": len(words),
        "fineweb_punctuated_lines": over(sum(map(is_terminal, full)), len(full)),
        "fineweb_short_lines": over(sum(len(line) <= short for line in full), len(full)),
        "fineweb_repeated_characters": over(sum(map(len, repeated)), len(text.replace("\n", ""))),
        "fineweb_newlines": over(text.count("\n"), len(words)),
        "fineweb_punctuated_lines_of_all": sum(line.endswith((".", "'", '"', "!", "?")) for line in lines) / len(lines),
        "fineweb_short_lines_of_all": sum(len(line) <= short for line in lines) / len(lines),
    }


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from([0, 1, 30]))
@example(["", "\n", " \n", "a.\n\na.\n"], 30)
def test_measurements_are_those_of_the_definitions(texts: list[str], short: int) -> None:
    measured = FineWebFilter(short_line_length=short)(batch(texts)).drop_columns(["text"]).to_pylist()
    assert measured == [measure(text, short) for text in texts]


def test_batching_and_slicing_change_nothing() -> None:
    texts = ["The cat sat on the mat.\nThe cat sat on the mat.", None, "", "a\nb\nc", "日本語。"]
    stage = FineWebFilter()
    whole = stage(batch(texts)).to_pylist()
    assert whole == [row for text in texts for row in stage(batch([text])).to_pylist()]
    assert whole == stage(batch(["x", *texts, "y"]).slice(1, len(texts))).to_pylist()


def test_texts_without_any_punctuation_may_be_kept() -> None:
    texts = batch(["no mark at all in this long line here\nnor in this one, which is long", "a" * 99 + "\n" + "b" * 99])
    assert set(reasons(FineWebFilter(), FineWebFilter()(texts))) == {"line_punct_ratio"}
    assert reasons(FineWebFilter(allow_no_punctuation=True), FineWebFilter()(texts)) == [None, "list_ratio"]


def test_decisions_of_datatroves_own_tests(shared_data: Path) -> None:
    cases = json.loads((shared_data / "peers" / "datatrove.json").read_text())["cases"]
    cases = [case for case in cases if case["filter"] == "fineweb_quality"]
    assert len(cases) == 5
    for case in cases:
        stage = FineWebFilter(**{NAMES[name]: value for name, value in case["params"].items()})
        (reason,) = reasons(stage, stage(batch([case["text"]])))
        assert (reason is None) == case["expected"]["keep"], case["text"][:60]
        assert case["expected"]["reason"] in (reason, None), case["text"][:60]
