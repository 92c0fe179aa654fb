"""What may be asked, which rule it is about, and the one line that says what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.errors import InspectorError
from inspector.what_if.answer import what_if
from tests.inspector.what_if.conftest import Rerun


@pytest.mark.parametrize(
    ("asked", "rule", "stage", "before", "after"),
    [
        ("gopher_real_words < 80", "gopher_short_doc", "gopher", "gopher_real_words < 50", "gopher_real_words < 80"),
        ("gopher_real_words<=80", "gopher_short_doc", "gopher", "gopher_real_words < 50", "gopher_real_words<=80"),
        ("gopher_real_words > 80", "gopher_long_doc", "gopher", "gopher_real_words > 100000", "gopher_real_words > 80"),
        ("gopher_short_doc: 80", "gopher_short_doc", "gopher", "gopher_real_words < 50", "gopher_real_words < 80"),
        ("gopher_short_doc:off", "gopher_short_doc", "gopher", "gopher_real_words < 50", None),
        ("gopher_words < 80", "what_if", "gopher", None, "gopher_words < 80"),
        ("few: gopher_words < 80", "few", "gopher", None, "gopher_words < 80"),
        ("language <> 'en' AND language_score > 0.9", "what_if", "language", None, None),
        ("url LIKE '%faq%'", "what_if", "parquet", None, None),
        ("exact_dedup_cluster_size > 1", "what_if", "(after all stages)", None, None),
    ],
)
def test_a_question_is_about_the_rule_that_a_reader_would_think_of(
    asked_run: Path, asked: str, rule: str, stage: str, before: str | None, after: str | None
) -> None:
    change = what_if(asked_run, [asked], 0)["changes"][0]
    assert change == {"rule": rule, "stage": stage, "before": before, "after": after or change["after"]}
    assert (change["after"] is None) == asked.endswith("off")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["gopher_wrds < 80"], r"no column 'gopher_wrds'; did you mean 'gopher_words'\?"),
        (["gopher_shrt_doc: off"], r"no filter of the run has a rule 'gopher_shrt_doc'; did you mean 'gopher_sho"),
        (["gopher_shrt_doc: gopher_words < 8"], r"did you mean 'gopher_short_doc'\? Give a new rule"),
        (["exact_duplicate: off"], r"'exact_duplicate' is no rule of a filter; a source or an exchange"),
        (["near_duplicate: off"], r"'near_duplicate' is no rule of a filter; a source or an exchange"),
        ([" "], r"write a rule: 'COLUMN < NUMBER'"),
        (["gopher_word_length > 4"], r"several .* 'gopher_above_avg_threshold: .*' or 'wordy: "),
        (["gopher_words <"], r"is not a SQL expression"),
        (["gopher_words + 1"], r"must be true or false"),
        (["gopher_words < AVG(gopher_words)"], r"looks beyond its own row"),
        (["language: 80"], r"not one number; write 'language: EXPRESSION'"),
        (["gopher_short_doc: 80", "gopher_real_words < 90"], r"asked about twice"),
        (["language: gopher_words < 80"], r"column 'gopher_words', which stage 'gopher' writes later"),
    ],
)
def test_what_cannot_be_asked_is_one_line(asked_run: Path, asked: list[str], message: str) -> None:
    with pytest.raises(InspectorError, match=message) as error:
        what_if(asked_run, asked, 0)
    assert "\n" not in str(error.value)


def test_examples_show_the_values_the_text_and_every_kind_of_change(asked_run: Path) -> None:
    answer = what_if(asked_run, ["gopher_alpha_words < 0.7", "gopher_words < 300"], 20)
    moves = {(move["before"], move["after"]) for move in answer["moves"]}
    examples = answer["examples"]
    assert len(examples) == min(20, sum(move["rows"] for move in answer["moves"]))
    assert {(example["before"], example["after"]) for example in examples} == moves
    for example in examples:
        assert example["url"] and example["text"]
        assert (example["after"] == "what_if") == (example["values"]["gopher_words"] < 300)
    assert what_if(asked_run, ["gopher_alpha_words < 0.7", "gopher_words < 300"], 20)["examples"] == examples


def test_a_rule_over_a_text_that_no_reject_kept_is_refused(rerun: Rerun) -> None:
    stages = ["parquet", {"filter": {"name": "short", "drop_if": "LENGTH(text) < 1000"}}]
    run = rerun(stages=stages, rejects="no_text")
    with pytest.raises(InspectorError, match=r"rule 'short' reads the text, .*\(rejects: no_text\)"):
        what_if(run, ["short: LENGTH(text) < 10"], 0)


def test_a_run_that_is_not_complete_is_not_asked(asked_run: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes((asked_run / "plan.json").read_bytes())
    with pytest.raises(InspectorError, match=r"documents: not published; end the run first"):
        what_if(tmp_path, ["gopher_words < 80"], 0)
