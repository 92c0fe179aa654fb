"""The task graph of a corpus that is not here: its real plan, simulated at rates measured on a small corpus.

Compiles the recipe's plan for synthetic files (no data), runs the recipe on the small corpus as `plan --sample 1` does,
and list-schedules all tasks on N workers (benchmarks/simulation.py). Prints for each phase its tasks, core and
wall hours, bytes read and written, the input of the largest task, files written, how often files are opened, and the
bytes on disk when it is complete, if `corpusmill clean` takes away what nothing needs any more.

    python -m benchmarks.task_graph --in CRAWLS --files 90000 [--file-bytes 1e9] [--recipe fineweb] [--set KEY=VALUE]
        [--workers 1000] [--failures 0.001] [--kept 1] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.simulation import SimulatedPhase, Simulation, synthetic_plan
from pipeline.estimate.estimate import measure_all
from pipeline.memory import peak_resident_bytes
from pipeline.plan import compile_plan
from pipeline.recipe import Recipe

COLUMNS = ("tasks", "core h", "wall h", "failed", "read GB", "GB a task", "written GB", "files", "opened", "disk GB")


def main() -> None:
    arguments = parse_arguments()
    recipe = Recipe.load(arguments.recipe, arguments.changes)
    started = time.process_time()
    plan = synthetic_plan(recipe, arguments.files, int(arguments.file_bytes))
    head = {
        "name": "task_graph",
        "files": arguments.files,
        "workers": arguments.workers,
        "plan_seconds": time.process_time() - started,
        "plan_peak_bytes": peak_resident_bytes(),
    }
    measured = measure_all(compile_plan(Recipe.load(arguments.recipe), [arguments.input]))
    phases = Simulation(plan, measured, arguments.workers, arguments.failures, arguments.kept).phases()
    if arguments.json:
        print(json.dumps({**head, "phases": [asdict(phase) for phase in phases]}, indent=1))
    else:
        print_table(head, phases)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="input", type=Path, required=True, help="the small corpus that is measured")
    parser.add_argument("--files", type=int, default=90_000)
    parser.add_argument("--file-bytes", type=float, default=1e9)
    parser.add_argument("--recipe", default="fineweb")
    parser.add_argument(
        "--set", dest="changes", action="append", default=[], metavar="KEY=VALUE", help="of the simulated plan alone"
    )
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--failures", type=float, default=0.001, help="share of attempts that fail")
    parser.add_argument("--kept", type=float, default=1.0, help="documents kept, for each that the small corpus keeps")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def print_table(head: dict[str, Any], phases: list[SimulatedPhase]) -> None:
    print(
        f"{head['files']:,} files, {head['workers']:,} workers; "
        f"the plan took {head['plan_seconds']:.0f} s and {head['plan_peak_bytes'] / 1e6:,.0f} MB"
    )
    print(f"{'phase':23}" + "".join(f"{column:>11}" for column in COLUMNS))
    for phase in phases:
        cells = (
            f"{phase.tasks:,}",
            f"{phase.core_hours:,.1f}",
            f"{phase.wall_hours:,.2f}",
            f"{phase.failed_attempts:,}",
            f"{phase.read_bytes / 1e9:,.0f}",
            f"{phase.largest_task_bytes / 1e9:,.2f}",
            f"{phase.written_bytes / 1e9:,.0f}",
            f"{phase.files:,}",
            f"{phase.files_opened:,}",
            f"{phase.disk_bytes / 1e9:,.0f}",
        )
        print(f"{phase.name:23}" + "".join(f"{cell:>11}" for cell in cells))
    hours, wall = sum(phase.core_hours for phase in phases), sum(phase.wall_hours for phase in phases)
    print(f"{'all':23}{sum(phase.tasks for phase in phases):>11,}{hours:>11,.1f}{wall:>11,.2f}")


if __name__ == "__main__":
    main()
