"""The account of benchmarks in a run: every planted item is there, and what may be chance is counted apart."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector.contamination import COMMON, contamination_report
from inspector.errors import InspectorError
from pipeline import Recipe, run
from pipeline.measure import measure
from pipeline.progress import Progress

ROOT = Path(__file__).parents[2]
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
LICENCE = "Permission is hereby granted free of charge to any person obtaining a copy of this software"


def sentence(number: int) -> str:
    return " ".join(f"{word}{number}" for word in NUMBERS)


def items() -> list[str]:
    """Ten long items that are planted, one whose beginning is a phrase of many documents, a short and a tiny one."""
    long = [sentence(number) for number in range(10)]
    return [
        *long,
        f"{LICENCE} and then {sentence(98)} and {sentence(99)}",
        "what is it that has nine words in it",
        "why",
    ]


def documents() -> list[str]:
    planted = [f"Filler {number}. {sentence(number).upper()}! More." for number in range(5)]
    licensed = [f"Page {number}. {LICENCE}" for number in range(COMMON + 3)]
    single = [" ".join([*sentence(8).split()[:13], "else"])]
    return [*planted, *licensed, *single, "Tell me: what is it that has nine words in it?", "nothing at all"]


def run_on(folder: Path, *stages: Any) -> Path:
    recipe = Recipe.parse({"name": "r", "stages": ["jsonl", *stages]}, folder=folder)
    run(recipe, [folder / "in.jsonl"], folder / "run", executor="inline", quiet=True)
    return folder / "run"


STAGE = {"decontaminate": {"benchmarks": ["quiz.jsonl", "other.jsonl"]}}


@pytest.fixture(scope="module")
def contaminated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contamination")
    (folder / "quiz.jsonl").write_text("".join(json.dumps({"q": item}) + "\n" for item in items()))
    (folder / "other.jsonl").write_text(json.dumps({"q": sentence(1000)}) + "\n")
    (folder / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in documents()))
    return run_on(folder, STAGE, "exact_dedup")


def account(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in report["benchmarks"] if entry["name"] == name)


def test_documents_and_items_of_each_benchmark_are_counted(contaminated: Path) -> None:
    report = contamination_report(contaminated, 3)
    quiz, other = account(report, "quiz"), account(report, "other")
    assert (quiz["items"], quiz["whole"], quiz["too_short"]) == (13, 1, 1)
    assert quiz["documents"] == quiz["documents_dropped"] == len(documents()) - 1
    assert quiz["items_found"] == 5 + 1 + 1 + 1
    assert quiz["items_found_for_the_most_part"] == 5 + 1 + 1
    assert (other["documents"], other["items_found"], other["examples"]) == (0, 0, [])


def test_common_text_and_what_may_be_chance_stand_apart(contaminated: Path) -> None:
    report = contamination_report(contaminated, 3)
    quiz = account(report, "quiz")
    assert quiz["documents_perhaps_by_chance"] == COMMON + 3
    assert quiz["documents_by_short_items_only"] == 1
    assert report["common_texts"] == [{"documents": COMMON + 3, "text": LICENCE.lower()}]
    assert 0 < report["expected_hash_collisions"] < 1e-9


def test_the_matched_text_is_shown_with_its_document(contaminated: Path) -> None:
    (example, *_) = account(contamination_report(contaminated, 3), "quiz")["examples"]
    assert example["text"] == [sentence(example["item"] - 1).upper()]
    assert example["coverage"] == 1.0 and example["fate"] == "contaminated"


def test_the_command_prints_it_and_refuses_runs_that_looked_for_nothing(contaminated: Path, tmp_path: Path) -> None:
    script = "import sys, corpusmill; sys.exit(corpusmill.main())"
    command = [sys.executable, "-c", script, "contamination"]
    shown = subprocess.run([*command, contaminated], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "quiz, line 1, 100% of it" in shown and sentence(0).upper() in shown
    (tmp_path / "in.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(InspectorError, match="nothing looked for benchmarks; put the stage"):
        contamination_report(run_on(tmp_path), 3)


def test_a_benchmark_that_grew_is_looked_for_anew(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": sentence(2)}) + "\n")
    quiz = tmp_path / "quiz.jsonl"
    quiz.write_text(json.dumps({"q": sentence(1)}) + "\n")
    stage = {"decontaminate": {"benchmarks": ["quiz.jsonl"]}}
    assert account(contamination_report(run_on(tmp_path, stage), 1), "quiz")["documents"] == 0
    quiz.write_text(json.dumps({"q": sentence(1)}) + "\n" + json.dumps({"q": sentence(2)}) + "\n")
    assert account(contamination_report(run_on(tmp_path, stage), 1), "quiz")["documents"] == 1


def test_a_finished_run_is_searched_for_a_benchmark_that_comes_later(contaminated: Path, tmp_path: Path) -> None:
    folder = contaminated.parent
    (tmp_path / "in.jsonl").write_bytes((folder / "in.jsonl").read_bytes())
    made = run_on(tmp_path)
    changes = [f"benchmarks=[{folder / 'quiz.jsonl'}]", "action=tag"]
    measure(made, "decontaminate", changes, label=None, rejects=False, progress=Progress(quiet=True))
    later, before = contamination_report(made, 3), contamination_report(contaminated, 3)
    assert later["words_looked_at"] == before["words_looked_at"]
    found = account(later, "quiz")
    assert found["documents_dropped"] == 0
    for name in ("documents", "items_found", "documents_perhaps_by_chance", "documents_by_short_items_only"):
        assert found[name] == account(before, "quiz")[name]


def test_what_was_measured_under_a_label_is_reported_beside_the_recipes_own(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": sentence(n)}) + "\n" for n in range(3)))
    for name, numbers in (("quiz", [0]), ("exam", [1, 2])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"q": sentence(n)}) + "\n" for n in numbers))
    made = run_on(tmp_path, {"decontaminate": {"benchmarks": ["quiz.jsonl"], "action": "tag"}})
    changes = [f"benchmarks=[{tmp_path / 'exam.jsonl'}]", "action=tag"]
    measure(made, "decontaminate", changes, label="later", rejects=False, progress=Progress(quiet=True))
    own, later = contamination_report(made, 1), contamination_report(made, 1, "later")
    assert (own["stage"], account(own, "quiz")["documents"]) == ("decontaminate", 1)
    assert (later["stage"], account(later, "exam")["documents"]) == ("later", 2)
    assert later["words_looked_at"] == own["words_looked_at"]
    with pytest.raises(InspectorError, match=r"nothing named 'x' .* --label takes decontaminate, later"):
        contamination_report(made, 1, "x")
