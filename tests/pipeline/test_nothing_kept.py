"""A run that kept nothing says so where its user looks: in its closing lines and in its report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.commands import inspect
from pipeline.commands import run

MALFORMED = '{bad\n[1]\n{"text": 1}\n{"text": 2}\n'
SHORT = '{"text": "one"}\n{"text": "two"}\n'


def made(folder: Path, lines: str, rejects: str = "full", quiet: bool = False) -> Path:
    (folder / "in.jsonl").write_text(lines)
    recipe = {
        "name": "small",
        "rejects": rejects,
        "stages": ["jsonl", {"filter": {"name": "short", "drop_if": "LENGTH(text) < 4"}}],
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    run(str(folder / "recipe.yaml"), folder / "run", [str(folder / "in.jsonl")], executor="inline", quiet=quiet)
    return folder / "run"


def test_where_all_were_quarantined_the_commonest_error_is_told_with_its_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = made(tmp_path, MALFORMED)
    closing = capsys.readouterr().out
    assert "nothing was kept: of 4 rows, 4 quarantined and 0 dropped" in closing
    assert "the commonest error: the field 'text' is a number, not a string (2 rows)" in closing
    assert f"corpusmill inspect {place}/rejects\n" in closing
    inspect(place)
    assert "the commonest error: the field 'text' is a number" in capsys.readouterr().out
    inspect(place, as_json=True)
    assert json.loads(capsys.readouterr().out)["remarks"][0].startswith("nothing was kept: of 4 rows")


def test_where_all_were_dropped_the_rule_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = made(tmp_path, SHORT)
    closing = capsys.readouterr().out
    assert "nothing was kept: of 2 rows, 0 quarantined and 2 dropped" in closing
    assert "the rule that dropped most: short (2 rows)" in closing
    assert f"corpusmill inspect {place}\n" in closing and "error" not in closing


def test_where_rejects_are_not_kept_the_way_to_see_them_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, MALFORMED, rejects="off")
    assert "the same command with --set rejects=full" in capsys.readouterr().out


def test_an_input_without_rows_is_named_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path, "\n\n")
    assert "nothing was kept: the input has no rows" in capsys.readouterr().out


def test_a_run_that_kept_a_row_or_is_quiet_remarks_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, lines, quiet in (("kept", SHORT + '{"text": "three"}\n', False), ("quiet", MALFORMED, True)):
        (tmp_path / name).mkdir()
        made(tmp_path / name, lines, quiet=quiet)
        shown = capsys.readouterr()
        assert "nothing was kept" not in shown.out
        assert not quiet or not shown.out + shown.err
