"""Every array waits for every array of what its tasks read, and no site limit is passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import Recipe, compile_plan
from pipeline.executors.slurm.arrays import task_arrays
from pipeline.plan import Plan
from tests.pipeline.conftest import RECIPE


@pytest.fixture(scope="module")
def plan(lines: Path) -> Plan:
    """12 tasks a phase, but 3 in exact_dedup.match."""
    return compile_plan(Recipe.parse(RECIPE), [lines])


def everything(plan: Plan) -> dict[str, list[int]]:
    return {phase.name: list(range(phase.tasks)) for phase in plan.phases}


def test_arrays_hold_each_task_once_and_ids_below_the_limit(plan: Plan) -> None:
    arrays = task_arrays(plan, everything(plan), 5, None)
    covered = [(array.phase.name, array.first + number) for array in arrays for number in array.ids]
    assert sorted(covered) == sorted((phase.name, index) for phase in plan.phases for index in range(phase.tasks))
    assert all(max(array.ids) < 5 for array in arrays)
    assert [array.specification for array in arrays[:3]] == ["0-4", "0-4", "0-1"]


def test_an_array_waits_for_every_array_of_what_it_reads(plan: Plan) -> None:
    arrays = task_arrays(plan, everything(plan), 5, None)
    waits = [{arrays[position].phase.name for position in array.after} for array in arrays]
    by_phase = {array.phase.name: names for array, names in zip(arrays, waits, strict=True)}
    assert by_phase == {
        "curate": set(),
        "exact_dedup.keys": {"curate"},
        "exact_dedup.match": {"exact_dedup.keys"},
        "survivors": {"curate", "exact_dedup.match"},
    }
    for array in arrays:
        for name in by_phase[array.phase.name]:
            assert {position for position, other in enumerate(arrays) if other.phase.name == name} <= set(array.after)


def test_only_what_is_unfinished_is_in_an_array(plan: Plan) -> None:
    unfinished = {**{phase.name: [] for phase in plan.phases}, "exact_dedup.match": [1], "survivors": [0, 1, 2, 4, 11]}
    match, first, last = task_arrays(plan, unfinished, 5, None)
    assert (match.specification, first.specification, last.specification) == ("1", "0-2,4", "1")
    assert (first.after, last.after, last.first) == ((0,), (0,), 10)


@pytest.mark.parametrize(("workers", "lanes"), [(2, [1, 1]), (7, [3, 2, 2]), (1, [1])])
def test_no_more_tasks_of_a_phase_run_at_once_than_workers(plan: Plan, workers: int, lanes: list[int]) -> None:
    arrays = [array for array in task_arrays(plan, everything(plan), 5, workers) if array.phase.name == "curate"]
    at_start = [array.at_once for array in arrays if not array.after]
    assert at_start == lanes
    behind = [array.after for array in arrays if array.after]
    assert behind == [(position,) for position in range(3 - len(lanes))]
