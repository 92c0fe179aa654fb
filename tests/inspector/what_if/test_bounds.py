"""Bounds also hold for exchanges that promise nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inspector.what_if.answer import what_if
from pipeline import Recipe, run
from stages.exact_dedup import ExactDedup
from tests.inspector.what_if.conftest import outcomes
from tests.inspector.what_if.test_answers import assert_within_bounds


class Silent(ExactDedup):
    """Removes exact duplicates and promises nothing about it."""

    def displaces_at_most(self) -> None:  # type: ignore[override]
        return None


def made(folder: Path, least: int) -> Path:
    lines = [f'{{"text": "{"word " * (number % 30)}"}}\n' for number in range(100)]
    (folder / "in.jsonl").write_text("".join(lines))
    length = {"tests.pipeline.line_stages:Length": {"least": least}}
    stages: list[Any] = ["jsonl", length, f"{__name__}:Silent"]
    out = folder / f"{least}"
    run(Recipe.parse({"name": "silent", "stages": stages}), [folder / "in.jsonl"], out, "inline", quiet=True)
    return out


@pytest.mark.parametrize("least", [30, 60, 90])
def test_what_an_exchange_does_not_promise_is_left_open(tmp_path: Path, least: int) -> None:
    asked = made(tmp_path, 60)
    answer = what_if(asked, [f"length_characters < {least}"], 5)
    again = made(tmp_path, least)
    assert_within_bounds(answer, again)
    assert answer["exact"] == (least == 60)
    if least == 60:
        assert outcomes(asked) == outcomes(again) and not answer["moves"]
