"""The simulated task graph of a corpus keeps the laws of scheduling, on a plan that was never run."""

from __future__ import annotations

import pytest

from benchmarks.simulation import SimulatedPhase, Simulation, synthetic_plan
from pipeline import Recipe, compile_plan
from pipeline.estimate.estimate import measure_all
from pipeline.estimate.measure import Measurement
from pipeline.plan import Plan
from tests.pipeline.conftest import RECIPE

#: As many matching tasks as parts of the documents, up to 1,024.
SMALL = Recipe.parse({**RECIPE, "stages": [*RECIPE["stages"][:3], "exact_dedup"]})


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    folder = tmp_path_factory.mktemp("lines")
    (folder / "all.txt").write_text("".join(f"this is line {number % 500} of many\n" for number in range(2000)))
    return measure_all(compile_plan(SMALL, [folder]))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return synthetic_plan(SMALL, files=200, file_bytes=40_000)


def simulated(
    plan: Plan, measured: Measurement, workers: int, failures: float = 0.0, kept: float = 1.0
) -> list[SimulatedPhase]:
    return Simulation(plan, measured, workers, failures, kept).phases()


def test_more_workers_do_the_same_work_sooner(plan: Plan, measured: Measurement) -> None:
    alone, many = simulated(plan, measured, workers=1), simulated(plan, measured, workers=50)
    assert [phase.name for phase in many] == [phase.name for phase in plan.phases]
    for one, fifty in zip(alone, many, strict=True):
        assert one.wall_hours == pytest.approx(one.core_hours) == pytest.approx(fifty.core_hours)
        assert fifty.core_hours / 50 <= fifty.wall_hours * (1 + 1e-9) <= one.wall_hours * (1 + 1e-6)


def test_work_grows_with_the_corpus_but_what_every_task_opens_as_its_square(plan: Plan, measured: Measurement) -> None:
    alone = simulated(plan, measured, workers=1)
    twice = simulated(synthetic_plan(SMALL, files=400, file_bytes=40_000), measured, workers=1)
    assert twice[0].core_hours == pytest.approx(2 * alone[0].core_hours)
    assert twice[0].written_bytes == pytest.approx(2 * alone[0].written_bytes)
    assert twice[0].files_opened == 0
    matching = next(number for number, phase in enumerate(plan.phases) if phase.name == "exact_dedup.match")
    assert twice[matching].tasks == 2 * alone[matching].tasks
    assert twice[matching].files_opened == 4 * alone[matching].files_opened


def test_a_crawl_that_keeps_less_reads_as_much_and_passes_less_on(plan: Plan, measured: Measurement) -> None:
    whole, half = simulated(plan, measured, workers=1), simulated(plan, measured, workers=1, kept=0.5)
    assert half[0].core_hours == whole[0].core_hours and half[0].written_bytes < whole[0].written_bytes
    assert half[1].read_bytes == pytest.approx(whole[1].read_bytes / 2)


def test_failed_attempts_cost_and_are_made_again(plan: Plan, measured: Measurement) -> None:
    calm, stormy = simulated(plan, measured, 10), simulated(plan, measured, 10, 0.2)
    assert sum(phase.failed_attempts for phase in calm) == 0
    assert stormy == simulated(plan, measured, 10, 0.2)
    assert 0.1 < stormy[0].failed_attempts / stormy[0].tasks < 0.4
    assert stormy[0].core_hours > calm[0].core_hours
