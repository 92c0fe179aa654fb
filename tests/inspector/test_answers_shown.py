"""What the commands print says what their JSON says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.commands import diff, inspect
from inspector.errors import InspectorError
from tests.inspector.test_diff import TEXTS, made, short


@pytest.fixture
def shown_run(tmp_path: Path) -> Path:
    return made(tmp_path, "a", TEXTS, short(30), {"exact_dedup": {"buckets": 1}})


def test_a_question(shown_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspect(shown_run, what_if=["length_characters < 60", "few: LENGTH(text) = 63"], rows=2)
    shown = capsys.readouterr().out
    inspect(shown_run, what_if=["length_characters < 60", "few: LENGTH(text) = 63"], rows=2, as_json=True)
    answer = json.loads(capsys.readouterr().out)
    kept = answer["kept"]
    assert answer["exact"] and f"kept: {kept['before']} -> {kept['at_least']}, exactly" in shown
    assert "length_short of size: length_characters < 30 -> length_characters < 60" in shown
    assert "few of (after all stages): no rule -> LENGTH(text) = 63" in shown
    inspect(shown_run, what_if=["length_short: off"], rows=0)
    assert "at least" in capsys.readouterr().out


def test_dropped_documents(shown_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspect(shown_run, dropped=2, rule="length_short")
    shown = capsys.readouterr().out
    assert shown.startswith("2 of 30 dropped documents, at random")
    assert "size: length_short, because length_characters < 30 with length_characters=" in shown


def test_a_difference(shown_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diff(shown_run, made(tmp_path, "b", TEXTS, short(60), {"exact_dedup": {"buckets": 1}}), rows=1)
    shown = capsys.readouterr().out
    assert "recipe: size.least 30 -> 60" in shown and "inputs: the same" in shown
    assert "kept in both" in shown and "kept in a, length_short in b" in shown


def test_options_that_do_not_go_together_are_refused(shown_run: Path) -> None:
    with pytest.raises(InspectorError, match="--what-if and --document go with --rows alone"):
        inspect(shown_run, what_if=["length_characters < 60"], dropped=3)
    with pytest.raises(InspectorError, match="are about a run"):
        inspect(shown_run / "documents", dropped=3)
