"""Columns that were measured after a run can be asked about as long as they belong to its documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inspector.errors import InspectorError
from inspector.run_report import run_report
from inspector.what_if.answer import what_if
from pipeline import Recipe, run
from pipeline.measure import measure
from pipeline.progress import Progress


def run_texts(folder: Path, *stages: Any) -> Path:
    lines = "".join(f'{{"text": "{"word " * number}"}}\n' for number in range(1, 30))
    (folder / "in.jsonl").write_text(lines)
    recipe = Recipe.parse({"name": "texts", "stages": ["jsonl", *stages]})
    run(recipe, [folder / "in.jsonl"], folder / "run", executor="inline", quiet=True)
    return folder / "run"


def test_a_measured_column_is_asked_about_until_it_is_stale(tmp_path: Path) -> None:
    finished = run_texts(tmp_path)
    measure(finished, "tests.pipeline.line_stages:Length", [], None, False, Progress(quiet=True))
    answer = what_if(finished, ["length_characters < 50"], 3)
    assert answer["exact"] and answer["kept"]["at_least"] == 20
    assert all(example["values"]["length_characters"] < 50 for example in answer["examples"])
    folders = run_report(finished)["measurements"][0]["folders"]
    assert folders == {"documents": {"parts": 1, "measured": 1}, "rejects": {"parts": 0, "measured": 0}}

    run_texts(tmp_path, {"filter": {"name": "short", "drop_if": "LENGTH(text) < 100"}})
    assert run_report(finished)["measurements"][0]["folders"]["documents"] == {"parts": 1, "measured": 0}
    with pytest.raises(InspectorError, match="'length_characters' was measured for other documents; measure again"):
        what_if(finished, ["length_characters < 50"], 3)
