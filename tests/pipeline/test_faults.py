"""Killed at any named place and run again, a run gives the bytes of an undisturbed one.

One fault a run, by two workers; tests/pipeline/test_fault_schedules.py has several, by one worker too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import Recipe, run
from tests.pipeline.conftest import RECIPE, published

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def undisturbed(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    return published(out)


@pytest.mark.parametrize(
    "fault",
    [
        "batch@curate:1",
        "before_rename@curate:0",
        "before_manifest@exact_dedup.match:1",
        "between_phases@exact_dedup.keys:*",
        "publication@survivors:*",
        "before_rename@survivors:1",
        "batch@survivors:0;parent",
        "before_manifest@curate:1;parent",
    ],
)
def test_a_killed_run_goes_on_to_the_same_bytes(
    lines: Path, tmp_path: Path, undisturbed: dict[str, str], fault: str
) -> None:
    recipe, out, marker = tmp_path / "recipe.yaml", tmp_path / "run", tmp_path / "marker"
    recipe.write_text(yaml.safe_dump(RECIPE))
    command = [sys.executable, "-m", "corpusmill", "run", str(recipe), "--in", str(lines), "--out", str(out)]
    command += ["--workers", "2", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    faulty = {**environment, "CORPUSMILL_FAULT": f"{fault};once={marker}"}
    first = subprocess.run(command, env=faulty, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert marker.exists(), first.stderr
    if first.returncode != 0:
        second = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert second.returncode == 0, second.stderr
    assert published(out) == undisturbed
    assert not list(out.rglob(".tmp-*"))
