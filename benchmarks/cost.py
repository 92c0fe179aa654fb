"""Does the truth lie inside the intervals of `corpusmill plan --sample`?

Runs the recipe once on the whole input, then estimates it from a sample with every seed, and counts for kept
documents, core-seconds and bytes (of all outputs, and of what is published) in how many seeds the run's own figures,
sums over its manifests, lie inside the printed 95 % intervals: for the whole run, and for each phase. `width` is the
interval's width over the truth (median).

A sample that is not counted comes first: in a new installation it compiles the kernels, which neither the run nor the
other samples then pay.

    python -m benchmarks.cost --in CRAWLS [--recipe fineweb] [--sample 0.1] [--seeds 20] [--workers 2] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

QUANTITIES = ("documents", "core_seconds", "written_bytes", "output_bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="input", type=Path, required=True, help="a folder of input files, or one")
    parser.add_argument("--recipe", default="fineweb")
    parser.add_argument("--sample", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = coverage(arguments.input, arguments.recipe, arguments.sample, arguments.seeds, arguments.workers)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{arguments.recipe}, --sample {arguments.sample:g}: seeds of {arguments.seeds} with the truth inside")
    print(f"{'':24}" + "".join(f"{quantity:>20}{'(width)':>10}" for quantity in QUANTITIES))
    for name, row in found["phases"].items():
        print(f"{name:24}" + "".join(_cells(row.get(quantity), arguments.seeds) for quantity in QUANTITIES))


def _cells(found: dict[str, float] | None, seeds: int) -> str:
    return f"{found['inside']:>17}/{seeds:<2}{found['width']:>9.2f}x" if found else " " * 30


def coverage(crawls: Path, recipe: str, fraction: float, seeds: int, workers: int) -> dict[str, Any]:
    """The truth, and for every quantity and phase in how many seeds it lies inside."""
    from pipeline import Recipe, compile_plan
    from pipeline.estimate.estimate import estimate_cost

    plan = compile_plan(Recipe.load(recipe), [crawls])
    estimate_cost(plan, fraction, workers, seed=seeds)
    truth = measured_run(crawls, recipe, workers)
    estimates = []
    for seed in range(seeds):
        estimates.append(by_phase(estimate_cost(plan, fraction, workers, seed).to_data()))
        print(f"seed {seed}: sampled", file=sys.stderr)
    phases = {
        name: {quantity: _summary(true[quantity], [e[name][quantity] for e in estimates]) for quantity in true}
        for name, true in truth.items()
    }
    head = {"name": "cost", "seeds": seeds, "sample": fraction}
    return {**head, "truth": truth, "phases": phases, "estimates": estimates}


def measured_run(crawls: Path, recipe: str, workers: int) -> dict[str, dict[str, float]]:
    """Figures of an actual run, by phase and as `total`."""
    from pipeline import Recipe, run
    from pipeline.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        result = run(Recipe.load(recipe), [crawls], out, executor="local", workers=workers, quiet=True)
        workspace = Workspace(out)
        plan = workspace.load_plan()
        found: dict[str, dict[str, float]] = {}
        for phase in plan.phases:
            manifests = list(workspace.manifests(phase))
            files = [file for manifest in manifests for file in manifest.outputs]
            found[phase.name] = {
                "core_seconds": sum(manifest.cpu_seconds for manifest in manifests),
                "written_bytes": sum(file.bytes for file in files),
                "output_bytes": sum(file.bytes for file in files if file.output in phase.publishes),
            }
            if phase.step is None:
                found[phase.name]["documents"] = sum(manifest.rows.kept for manifest in manifests if manifest.rows)
    total = {quantity: sum(row[quantity] for row in found.values()) for quantity in QUANTITIES[1:]}
    return {**found, "total": {"documents": result.totals.kept, **total}}


def by_phase(data: dict[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """An estimate's intervals as the truth is laid out."""
    rows = {**{phase["name"]: phase for phase in data["phases"]}, "total": data["totals"]}
    for row in rows.values():
        written = {key: row["intermediate_bytes"][key] + row["output_bytes"][key] for key in row["output_bytes"]}
        row["written_bytes"] = written
    return rows


def _summary(true: float, intervals: list[dict[str, float]]) -> dict[str, float]:
    width = statistics.median((interval["high"] - interval["low"]) / true if true else 0.0 for interval in intervals)
    return {
        "truth": true,
        "inside": sum(int(interval["low"] <= true <= interval["high"]) for interval in intervals),
        "below": sum(int(true < interval["low"]) for interval in intervals),
        "above": sum(int(true > interval["high"]) for interval in intervals),
        "value": statistics.median(interval["value"] for interval in intervals),
        "width": width,
    }


if __name__ == "__main__":
    main()
