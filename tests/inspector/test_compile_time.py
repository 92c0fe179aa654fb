"""What a first run on a machine compiles is told apart from what its stages take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from inspector.run_report import run_report

ROOT = Path(__file__).parents[2]
RECIPE = "name: one\nstages:\n  - jsonl\n  - dolma\n"


def test_compiling_is_announced_and_counted_apart_from_the_stage(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    rows = [{"text": f"Row {n} has that and this to say. " * 10} for n in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(out: Path) -> str:
        command = ["run", tmp_path / "recipe.yaml", "--in", tmp_path / "rows.jsonl", "--out", out, "--workers", "1"]
        environment = {**os.environ, "CORPUSMILL_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "corpusmill", *command], env=environment, capture_output=True, text=True, check=True
        )
        return done.stderr

    assert "no kernels of this version are compiled here yet" in run(tmp_path / "first")
    assert "kernels" not in run(tmp_path / "second")
    first, second = (run_report(tmp_path / name) for name in ("first", "second"))
    seconds = [step["seconds"] for step in first["funnel"] if step["stage"] == "dolma"]
    assert first["compile_seconds"] > sum(seconds)
    assert second["compile_seconds"] == 0
