"""The comparison of executors runs every one of them and sees that they agree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.pipeline.conftest import RECIPE
from tests.test_front_door import ROOT

pytest.importorskip("ray")


@pytest.mark.slow
def test_every_executor_gives_the_same_bytes(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.mkdir()
    for number in range(3):
        texts = [f"line {line} of file {number}, or one that comes again"[: 20 + line % 40] for line in range(900)]
        (lines / f"{number}.txt").write_text("\n".join(texts) + "\n")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    command = [sys.executable, "-m", "benchmarks.executors", "--in", lines, "--recipe", tmp_path / "recipe.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # where Slurm's jobs find the recipe's stages
    result = subprocess.run(list(map(str, command)), cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr + result.stdout
    assert "ray-2-nodes" in result.stdout and "give the same bytes" in result.stdout
