"""What a split costs whatever it holds is found by reading neighbours apart and as one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline import Recipe, compile_plan
from pipeline.estimate.cutting import ratio, readings, seconds_a_split
from pipeline.estimate.measure import MeasuredPhase
from pipeline.estimate.sample import draw_sample
from stages.base import Split

PAGES = {"name": "pages", "stages": ["warc", "extract_text"]}


def runs_of(count: int) -> list[tuple[Split, ...]]:
    return [tuple(Split(f"{run}", place * 10, place * 10 + 10, 10) for place in range(4)) for run in range(count)]


def machine(tasks: list[tuple[Split, ...]], per_split: float) -> MeasuredPhase:
    """Work of tasks on a machine that gets twice as slow meanwhile."""
    work = [sum(split.bytes for split in task) * 0.01 + per_split * len(task) for task in tasks]
    work = np.array(work) * np.linspace(1, 2, len(work))
    nothing = np.zeros(len(tasks))
    return MeasuredPhase(0, 0, work, {}, 0, nothing, nothing, 1, 0)


@pytest.mark.parametrize("per_split", [0.0, 0.02])
def test_the_cost_is_found_on_a_machine_that_gets_slower(per_split: float) -> None:
    runs = runs_of(16)
    found = seconds_a_split(runs, machine(readings(runs), per_split))
    assert found.low <= 1.5 * per_split <= found.high
    assert found.high - found.low < 0.01


def test_both_readings_of_a_run_read_the_same_bytes() -> None:
    tasks = readings(runs_of(5))
    for first, second in zip(tasks[0::2], tasks[1::2], strict=True):
        assert {len(first), len(second)} == {1, 4}
        assert (first[0].file, first[0].start, first[-1].end) == (second[0].file, second[0].start, second[-1].end)


def test_ninety_five_in_a_hundred_intervals_hold_the_ratio() -> None:
    inside = 0
    for seed in range(400):
        sizes = np.full(16, 3.0)
        values = np.random.default_rng(seed).gamma(2, 1.5, 16)
        interval = ratio(values, sizes)
        inside += interval.low <= 1.0 <= interval.high
    assert inside >= 360


def test_runs_are_neighbours_in_one_file_and_large_splits_have_none(tmp_path: Path) -> None:
    with (tmp_path / "huge.warc").open("wb") as stream:
        stream.truncate(40_000_000)
    fine = draw_sample(compile_plan(Recipe.parse(PAGES), [tmp_path]), 0.1, seed=1)
    assert len(fine.runs) == 16
    for run in fine.runs:
        assert {split.file for split in run} == {"huge.warc"}
        assert all(first.end == second.start for first, second in pairwise(run))
    with (tmp_path / "huge.warc").open("r+b") as stream:
        stream.truncate(40_000_000_000)
    assert draw_sample(compile_plan(Recipe.parse(PAGES), [tmp_path]), 0.1, seed=1).runs == ()
