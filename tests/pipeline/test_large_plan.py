"""Plans of 100,000 tasks fit into little memory: compiled, written and read again in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TASKS = 100_000
MOST_MEGABYTES = 500

PROGRAM = """
import json, sys
from pathlib import Path
from pipeline import Plan, Recipe, compile_plan
from pipeline.memory import peak_resident_bytes

folder, task_bytes, place = sys.argv[1:]
plan = compile_plan(Recipe.load("fineweb", [f"task_bytes={task_bytes}"]), [folder])
plan.save(Path(place))
same = Plan.load(Path(place)) == plan
print(json.dumps({"tasks": plan.phases[0].tasks, "same": same, "peak": peak_resident_bytes() / 1e6}))
"""


def measured(folder: Path, task_bytes: int, place: Path) -> dict:
    command = [sys.executable, "-c", PROGRAM, str(folder), str(task_bytes), str(place)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_one_file_of_100_000_tasks(tmp_path: Path) -> None:
    folder = tmp_path / "crawl"
    folder.mkdir()
    with (folder / "huge.warc").open("wb") as stream:
        stream.truncate(TASKS * 4_000_000)  # a hole: takes no space, and a plan reads a few blocks of it
    found = measured(folder, 4_000_000, tmp_path / "plan.json")
    assert found["tasks"] == TASKS and found["same"]
    assert found["peak"] < MOST_MEGABYTES


@pytest.mark.slow
def test_100_000_files_of_a_task_each(tmp_path: Path) -> None:
    folder = tmp_path / "crawl"
    for number in range(TASKS):
        file = folder / f"segment-{number // 1000:03d}" / f"CC-MAIN-20260101000000-{number:06d}.warc"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            stream.truncate(4097)
    found = measured(folder, 4096, tmp_path / "plan.json")
    assert found["tasks"] == TASKS and found["same"]
    assert found["peak"] < MOST_MEGABYTES
