"""Estimate what a planned run would cost: draw a sample, run it in a temporary folder, and carry it over.

Nothing of the sample stays. Cost: the sample is run twice, split by split as far as documents change and packed into
tasks through every phase, unless its splits are tasks already; splits below 4 MB are also compared with longer ones.
All by one worker process.
"""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline.errors import RecipeError, Stopped
from pipeline.estimate.cutting import readings, seconds_a_split
from pipeline.estimate.interval import Interval, total
from pipeline.estimate.measure import Measurement, measure
from pipeline.estimate.model import CostModel, PhaseEstimate
from pipeline.estimate.sample import Sample, draw_sample
from pipeline.executors.limits import Limits
from pipeline.executors.local import LocalExecutor
from pipeline.plan import Plan, PlannedPhase, pack, plan_tasks
from stages.base import Split


@dataclass(frozen=True)
class Estimate:
    """What a run would cost by phase, and the sample that says so."""

    plan: Plan
    sample: Sample
    workers: int
    seconds: float
    phases: list[PhaseEstimate]

    def totals(self) -> dict[str, Interval]:
        """Of the whole run. Phases run one after another, on workers that stay."""
        memory = max((phase.peak_memory_bytes for phase in self.phases), key=lambda interval: interval.high)
        return {
            "documents": self.phases[-1].documents,
            "core_seconds": total([phase.core_seconds for phase in self.phases]),
            "wall_seconds": total([phase.wall_seconds for phase in self.phases]),
            "peak_memory_bytes": memory,
            "intermediate_bytes": total([phase.intermediate_bytes for phase in self.phases]),
            "output_bytes": total([phase.output_bytes for phase in self.phases]),
        }

    def to_data(self) -> dict[str, Any]:
        """One JSON object; every quantity with `value`, `low` and `high`."""
        sample = self.sample
        return {
            "recipe": self.plan.recipe.name,
            "files": len(self.plan.files),
            "bytes": sum(file.size for file in self.plan.files.values()),
            "workers": self.workers,
            "sample": {
                "splits": len(sample.splits),
                "of": sample.units,
                "bytes": sample.bytes,
                "strata": len(sample.strata),
                "whole": sample.is_whole,
                "seconds": round(self.seconds, 1),
            },
            "phases": [_phase_data(phase) for phase in self.phases],
            "totals": {name: interval.to_data() for name, interval in self.totals().items()},
        }


def estimate_cost(plan: Plan, fraction: float, workers: int, seed: int = 0) -> Estimate:
    """Run about `fraction` (more than 0, at most 1) of the plan's input and estimate the whole.

    Raises RecipeError for what the user must mend, RunError when the sample could not be run.
    """
    started = time.monotonic()
    sample = draw_sample(plan, fraction, seed)
    if not sample.splits:
        raise RecipeError("the input holds nothing to sample")
    alone = [(split,) for split in sample.splits]
    tasks = list(pack(sample.splits, sample.task_bytes))
    with _stopped_by_sigterm(), tempfile.TemporaryDirectory(prefix="corpusmill-sample-") as folder:
        packed = _measure(plan, tasks, plan.phases, Path(folder) / "packed")
        units, cut = packed, Interval.exactly(0.0)
        if tasks != alone:
            units = _measure(plan, alone, _until_documents(plan), Path(folder) / "split")
        if tasks != alone and sample.runs:
            runs = _measure(plan, readings(sample.runs), plan.phases[:1], Path(folder) / "runs")
            cut = seconds_a_split(sample.runs, runs.phases[plan.phases[0].name])
    phases = CostModel(plan, sample, units, packed, cut, workers).phases()
    return Estimate(plan, sample, workers, time.monotonic() - started, phases)


def measure_all(plan: Plan) -> Measurement:
    """Run the whole plan, task by task, and measure it."""
    with _stopped_by_sigterm(), tempfile.TemporaryDirectory(prefix="corpusmill-sample-") as folder:
        return _measure(plan, plan.phases[0].splits, plan.phases, Path(folder) / "run")


def _measure(plan: Plan, tasks: Sequence[tuple[Split, ...]], phases: Sequence[PlannedPhase], run: Path) -> Measurement:
    """Run some phases of the plan on these splits, and on a last task that has none."""
    names = {split.file for task in tasks for split in task}
    files = {name: file for name, file in plan.files.items() if name in names}
    smaller = plan_tasks(plan.recipe, files, (*tasks, ()))
    executor = LocalExecutor(1, Limits())
    try:
        return measure(smaller, [smaller.phase(phase.name) for phase in phases], run, executor)
    except BaseException:
        executor.stop(at_once=True)
        raise
    finally:
        executor.close()


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Make SIGTERM an exception, so that the temporary folder goes; outside the main thread it is left alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped("stopped; nothing of the sample is left")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _until_documents(plan: Plan) -> tuple[PlannedPhase, ...]:
    """The phases up to the last that changes which documents there are."""
    last = max(number for number, phase in enumerate(plan.phases) if phase.step is None)
    return plan.phases[: last + 1]


def _phase_data(phase: PhaseEstimate) -> dict[str, Any]:
    values = {field.name: getattr(phase, field.name) for field in fields(phase)}
    return {name: value.to_data() if isinstance(value, Interval) else value for name, value in values.items()}
