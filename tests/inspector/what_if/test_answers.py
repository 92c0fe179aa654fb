"""What `--what-if` says is what the recipe gives when it runs so: exactly inside a group, within bounds beyond."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from inspector.published import PublishedRun
from inspector.what_if.answer import what_if
from inspector.what_if.course import Course
from inspector.what_if.fates import Judging
from inspector.what_if.question import Questions
from tests.inspector.what_if.conftest import KEY, STAGES, Rerun, outcomes


def without(label: str) -> list[Any]:
    return [stage for stage in STAGES if f"'{label}'" not in str(stage)]


def with_instead(label: str, drop_if: str) -> list[Any]:
    new = {"filter": {"label": label, "name": label, "drop_if": drop_if}}
    return [new if f"'{label}'" in str(stage) else stage for stage in STAGES]


def with_filter(place: int, drop_if: str) -> list[Any]:
    return [*STAGES[:place], {"filter": {"label": "new", "name": "what_if", "drop_if": drop_if}}, *STAGES[place:]]


#: What is asked, and how the recipe would say it: overrides, or other stages.
CASES: list[tuple[list[str], tuple[str, ...], list[Any]]] = [
    (["gopher_real_words < 200"], ("gopher.min_doc_words=200",), STAGES),
    (["gopher_short_doc: off"], ("gopher.min_doc_words=null",), STAGES),
    (["gopher_alpha_words < 0.7"], ("gopher.min_alpha_words_ratio=0.7",), STAGES),
    (["language_score <= 0.9"], ("language.min_score=0.9",), STAGES),
    (["language: language NOT IN ('en', 'fr')"], ("language.languages=[en, fr]",), STAGES),
    (["wordy: off"], (), without("wordy")),
    (["gopher_words < 300"], (), with_filter(3, "gopher_words < 300")),
    (["late: 8"], (), with_instead("late", "gopher_stop_words < 8")),
    (["late: off", "gopher_alpha_words < 0.75"], ("gopher.min_alpha_words_ratio=0.75",), without("late")),
    (["minhash_dedup_cluster_size > 1"], (), with_filter(7, "minhash_dedup_cluster_size > 1")),
]
MORE_CASES: list[tuple[list[str], tuple[str, ...], list[Any]]] = [
    (["gopher_real_words < 10"], ("gopher.min_doc_words=10",), STAGES),
    (["gopher_below_alpha_threshold: 0.85"], ("gopher.min_alpha_words_ratio=0.85",), STAGES),
    (["gopher_dup_5_gram > 0.05"], ("gopher.dup_5_gram=0.05",), STAGES),
    (["gopher_dup_5_gram > 0.9"], ("gopher.dup_5_gram=0.9",), STAGES),
    (["language_score <= 0.2"], ("language.min_score=0.2",), STAGES),
    (["wordy: 4.9"], (), with_instead("wordy", "gopher_word_length > 4.9")),
    (["language_score * gopher_words < 500"], (), with_filter(3, "language_score * gopher_words < 500")),
    (["late: 3"], (), with_instead("late", "gopher_stop_words < 3")),
    (
        ["gopher_real_words < 300", "language_score <= 0.8"],
        ("gopher.min_doc_words=300", "language.min_score=0.8"),
        STAGES,
    ),
    (["LENGTH(text) < 1000"], (), with_filter(7, "LENGTH(text) < 1000")),
]


@pytest.mark.parametrize(
    ("asked", "overrides", "stages"),
    [
        *(pytest.param(*case, id=" ".join(case[0])) for case in CASES),
        *(pytest.param(*case, id=" ".join(case[0]), marks=pytest.mark.slow) for case in MORE_CASES),
    ],
)
def test_the_answer_is_what_a_rerun_gives(
    asked_run: Path, rerun: Rerun, asked: list[str], overrides: tuple[str, ...], stages: list[Any]
) -> None:
    again = rerun(*overrides, stages=stages)
    answer = what_if(asked_run, asked, 0)
    assert_row_by_row(asked_run, asked, outcomes(again), answer["exact"])
    assert_within_bounds(answer, again)


def test_inside_a_group_and_where_nothing_follows_the_answer_is_exact(asked_run: Path) -> None:
    for asked in ("late: 8", "late: 3", "minhash_dedup_cluster_size > 1", "LENGTH(text) < 1000"):
        assert what_if(asked_run, [asked], 0)["exact"]


def test_a_stricter_threshold_leaves_only_duplicates_of_what_it_drops_unknown(asked_run: Path) -> None:
    answer = what_if(asked_run, ["gopher_real_words < 200"], 0)
    dropped = sum(move["rows"] for move in answer["moves"] if move["before"] == "kept")
    assert answer["kept"]["at_least"] == answer["kept"]["before"] - dropped > 0
    assert {move["before"] for move in answer["moves"] if move["after"] == "unknown"} <= {"near_duplicate"}


@pytest.mark.parametrize("rejects", ["off", "no_text", {"sample": 0.3}], ids=str)
def test_rows_that_the_policy_did_not_keep_widen_the_bounds(rerun: Rerun, rejects: Any) -> None:
    asked_run = rerun(rejects=rejects)
    for asked, overrides, stages in (CASES[0], CASES[2], CASES[7]):
        answer = what_if(asked_run, asked, 0)
        assert_within_bounds(answer, rerun(*overrides, stages=stages))
        assert (answer["rejects_not_kept"] > 0) == (rejects != "no_text")


@pytest.mark.slow
def test_a_cap_a_host_is_bounded_too(rerun: Rerun) -> None:
    capped = ["parquet", "language", "gopher", "exact_dedup", {"host_cap": {"max_documents": 12}}, "minhash_dedup"]
    asked_run = rerun(stages=capped)
    for asked, override in (
        ("gopher_real_words < 200", "gopher.min_doc_words=200"),
        ("gopher_alpha_words < 0.7", "gopher.min_alpha_words_ratio=0.7"),
        ("language_score <= 0.9", "language.min_score=0.9"),
    ):
        assert_within_bounds(what_if(asked_run, [asked], 0), rerun(override, stages=capped))


def assert_row_by_row(run: Path, asked: list[str], again: dict[tuple, str], exact: bool) -> None:
    """Every row has the fate that it has in the rerun: all rows, or those that end up to the first changed group."""
    course, known = fates_by_row(run, asked)
    if exact:
        assert known == again
        return
    assert known.keys() == again.keys()
    first_place = min(change.place for change in Questions(course, asked, ()).changes)
    settled = {rule.name for place in range(first_place + 1) for rule in course.rules(place)} | {"what_if"}
    for row, fate in again.items():
        if fate in settled or known[row] in settled:
            assert known[row] == fate, row
    measured = {"kept", "unknown", "late", "exact_duplicate", "near_duplicate"}
    for row, fate in known.items():
        assert fate in measured or again[row] == fate, row


def assert_within_bounds(answer: dict[str, Any], again: Path) -> None:
    counts = Counter(outcomes(again).values())
    kept = answer["kept"]
    assert kept["at_least"] <= counts["kept"] <= kept["at_most"]
    assert answer["exact"] == (kept["at_least"] == kept["at_most"])
    rules = {rule["rule"]: rule for rule in answer["rules"]}
    for name, rule in rules.items():
        assert rule["at_least"] <= counts[name] <= rule["at_most"], name
    assert set(counts) - {"kept", "quarantined"} <= set(rules)


def fates_by_row(run: Path, asked: list[str]) -> tuple[Course, dict[tuple, str]]:
    published = PublishedRun(run)
    course = Course(published.plan, {**published.reject_types, **published.document_types})
    judging = Judging(published, course, Questions(course, asked, published.only_in_documents))
    found = {}
    for fates in judging.fates():
        batch = fates.rows.batch
        keys = zip(*(batch.column(name).to_pylist() for name in KEY), strict=True)
        found.update(zip(keys, (judging.outcomes.names[number] for number in fates.after), strict=True))
    return course, found
