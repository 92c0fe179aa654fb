"""What `corpusmill plan --sample` prints."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.errors import RecipeError

if TYPE_CHECKING:
    from pipeline.estimate.estimate import Estimate
    from pipeline.estimate.interval import Interval
    from pipeline.plan import Plan

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def check_fraction(fraction: float, limit: int | None) -> None:
    """Refuse what cannot be sampled before the input is listed."""
    if not 0 < fraction <= 1:
        raise RecipeError(f"--sample {fraction:g}: must be more than 0 and at most 1, for example 0.01")
    if limit is not None:
        raise RecipeError(f"--limit {limit}: --sample estimates the whole input; leave one of them out")


def show_estimate(plan: Plan, fraction: float, workers: int | None, seed: int, as_json: bool) -> None:
    """Run the sample and print what the whole would cost, as a table or one JSON object."""
    from pipeline.estimate.estimate import estimate_cost

    estimate = estimate_cost(plan, fraction, workers or len(os.sched_getaffinity(0)), seed)
    if as_json:
        print(json.dumps(estimate.to_data(), indent=1))
    else:
        _print(estimate)


def _print(estimate: Estimate) -> None:
    from pipeline.tables import print_table

    sample, size = estimate.sample, sum(file.size for file in estimate.plan.files.values())
    print(f"{estimate.plan.recipe.name}: {len(estimate.plan.files)} files, {_bytes(size)}")
    share = "all of it, so documents are exact" if sample.is_whole else f"{sample.bytes / max(size, 1):.1%}"
    print(
        f"sampled {len(sample.splits)} of {sample.units} splits in {len(sample.strata)} strata, {_bytes(sample.bytes)} "
        f"({share}), in {estimate.seconds:.0f} s; 95 % intervals for {estimate.workers} workers:"
    )
    totals = estimate.totals()
    rows = [
        [
            name,
            tasks,
            _range(row["documents"], _count),
            _range(row["core_seconds"], _hours),
            _range(row["wall_seconds"], _hours),
            _range(row["peak_memory_bytes"], _bytes),
            _range(row["intermediate_bytes"], _bytes),
            _range(row["output_bytes"], _bytes),
        ]
        for name, tasks, row in [
            *((phase.name, str(phase.tasks), vars(phase)) for phase in estimate.phases),
            ("all", str(sum(phase.tasks for phase in estimate.phases)), totals),
        ]
    ]
    columns = ["documents", "core-hours", "wall hours", "memory/worker", "intermediates", "outputs"]
    print_table(["phase", "tasks", *columns], rows)


def _range(interval: Interval, show: Callable[[float], str]) -> str:
    return f"{show(interval.value)} ({show(interval.low)} to {show(interval.high)})"


def _count(documents: float) -> str:
    return f"{documents:,.0f}"


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.1f}" if hours >= 10 else f"{hours:.2g}"


def _bytes(size: float) -> str:
    power = min(int(math.log(size, 1000)), len(_UNITS) - 1) if size >= 1 else 0
    return f"{size / 1000**power:.3g} {_UNITS[power]}"
