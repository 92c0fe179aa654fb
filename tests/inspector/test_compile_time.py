"""What a first run on a machine compiles is announced, and told apart from what its stages take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.run_report import run_report
from pipeline.progress import Progress
from tokenizer.kernel_cache import announce_compiling, announcing

ROOT = Path(__file__).parents[2]
SAID = "compiling kernels, once for each version and machine"


def run(folder: Path, name: str, stages: list[str], *options: str) -> str:
    """What a run says, with no kernel but those that earlier ones of the same folder compiled."""
    (folder / "recipe.yaml").write_text(json.dumps({"name": "one", "stages": stages}))
    rows = [{"text": f"Row {n} has that and this to say. " * 10} for n in range(20)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["run", str(folder / "recipe.yaml"), "--in", str(folder / "rows.jsonl"), "--out", str(folder / name)]
    environment = {**os.environ, "CORPUSMILL_CACHE": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "corpusmill", *command, *options],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stderr


def test_compiling_is_announced_as_it_begins_and_counted_apart_from_the_stage(tmp_path: Path) -> None:
    first, second = (run(tmp_path, name, ["jsonl", "dolma"], "--workers", "1") for name in ("first", "second"))
    assert first.count(SAID) == 1 and "kernels" not in second
    reports = [run_report(tmp_path / name) for name in ("first", "second")]
    seconds = [step["seconds"] for step in reports[0]["funnel"] if step["stage"] == "dolma"]
    assert reports[0]["compile_seconds"] > sum(seconds)
    assert reports[1]["compile_seconds"] == 0
    for index in (tmp_path / "cache").rglob("jsonl_kernel.find_lines*.nbi"):
        index.unlink()
    without_workers = run(tmp_path, "third", ["jsonl"], "--executor", "inline")
    assert without_workers.count(SAID) == 1 and without_workers.index(SAID) < without_workers.index("done in")


def test_nothing_is_said_quietly_or_when_the_run_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    with announcing(Progress(quiet=True).compiling):
        announce_compiling()
    with announcing(Progress().compiling):
        pass
    announce_compiling()
    assert capsys.readouterr().err == ""
