"""Commands over runs that are there: status and logs."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from pipeline.options import JsonOption, RunArgument
from pipeline.tables import print_table


def add_to(app: typer.Typer) -> None:
    """Register the commands on the front door's application."""
    app.command(name="status", epilog="Example: corpusmill status run/ --watch")(status)
    app.command(name="logs", epilog="Example: corpusmill logs run/ curate:3")(logs)


def status(
    run: RunArgument,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat every second until the run ends.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is done, running and failed, from the manifests alone."""
    from pipeline.status import read_status

    while True:
        found = read_status(run)
        if as_json:
            print(json.dumps(found, indent=1))
        else:
            rows = [
                [
                    phase["phase"],
                    f"{phase['done']}/{phase['tasks']}",
                    str(phase["running"]),
                    str(phase["failed"]),
                    f"{phase['rows']:,}" if phase["rows"] else "",
                    f"{phase['rows_per_second']:,.0f}" if phase["rows_per_second"] else "",
                    f"{phase['seconds']:,.1f}",
                ]
                for phase in found["phases"]
            ]
            print_table(["phase", "done", "running", "failed", "rows", "rows/s/worker", "worker seconds"], rows)
            print(f"state: {found['state']}")
            for failure in found["failures"][:5]:
                print(f"{failure['task']}: {failure['message']}")
        if not watch or found["state"] != "running":
            return
        time.sleep(1.0)


def logs(
    run: RunArgument,
    task: Annotated[str, typer.Argument(metavar="PHASE:INDEX", help="A task, as `corpusmill status` names it.")],
) -> None:
    """Print the log of one task, one JSON object a line."""
    from pipeline.errors import RecipeError
    from pipeline.workspace import Workspace

    phase_name, _, number = task.rpartition(":")
    if not phase_name or not number.isdigit():
        raise RecipeError(f"{task}: name a task as PHASE:INDEX, for example curate:0")
    workspace = Workspace(run)
    phase = workspace.load_plan().phase(phase_name)
    if int(number) >= phase.tasks:
        raise RecipeError(f"{task}: {phase_name} has the tasks 0 to {phase.tasks - 1}")
    log = workspace.log(phase, int(number))
    if not log.exists():
        raise RecipeError(f"{task}: has not started, so it has no log")
    print(log.read_text("utf-8"), end="")
