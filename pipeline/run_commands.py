"""Commands over runs that are there: status, logs, clean, checksum."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.options import JsonOption, RunArgument
from pipeline.storage import location
from pipeline.tables import duration, megabytes, print_table

if TYPE_CHECKING:
    from pipeline.measure import Measured


def add_to(app: typer.Typer) -> None:
    """Register the commands on the front door's application."""
    app.command(name="status", epilog="Example: corpusmill status run/ --watch")(status)
    app.command(name="logs", epilog="Example: corpusmill logs run/ curate:3")(logs)
    app.command(name="clean", epilog="Example: corpusmill clean run/ --dry-run")(clean)
    example = "Example: corpusmill measure run/ language --label second --set min_score=null"
    app.command(name="measure", epilog=example)(measure)
    app.command(name="checksum", epilog="Example: corpusmill checksum run/ other-run/")(checksum)


def status(
    run: RunArgument,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again until the run is no longer at work.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is done, running, failed and waiting, how fast it goes and what is slow, from any machine."""
    from pipeline import status_report
    from pipeline.status import read_status

    if as_json:
        for found in status_report.looks(run) if watch else [read_status(run)]:
            print(json.dumps(asdict(found), indent=None if watch else 1), flush=True)
    elif watch:
        status_report.watch(run)
    else:
        status_report.print_status(read_status(run))


def logs(
    run: RunArgument,
    task: Annotated[
        str | None, typer.Argument(metavar="PHASE:INDEX", help="A task, as `corpusmill status` names it.")
    ] = None,
) -> None:
    """Print the log of one task, one JSON object a line; without a task, name those that failed or take longest."""
    from pipeline.status import read_status
    from pipeline.task_log import read_log

    if task is not None:
        print(read_log(run, task), end="")
        return
    found = read_status(run)
    for failure in found.failures:
        print(f"{failure.task} failed: {failure.message}")
    for slow in found.slowest_running + found.slowest_finished:
        print(f"{slow.task} {slow.state} {duration(slow.seconds)}")
    print(f"see one: corpusmill logs {run} PHASE:INDEX")


def clean(
    run: RunArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be freed.")] = False,
) -> None:
    """Free intermediates that nothing needs any more, having said how much; the run stays done."""
    from pipeline.clean import clean as remove
    from pipeline.clean import find_cleaning
    from pipeline.clean_report import print_cleaning
    from pipeline.errors import RecipeError
    from pipeline.lock import driver_lock
    from pipeline.workspace import Workspace

    workspace = Workspace(run)
    workspace.load_plan()
    with driver_lock(run):
        cleaning = find_cleaning(workspace)
        print_cleaning(cleaning)
        if dry_run or cleaning.empty:
            return
        if not yes and not sys.stdin.isatty():
            raise RecipeError("nothing was removed: give --yes to remove it, or --dry-run to only look")
        if yes or typer.confirm("Remove it?"):
            remove(cleaning, workspace)
            print(f"freed {megabytes(cleaning.frees)}")


def measure(
    run: RunArgument,
    stage: Annotated[
        str, typer.Argument(metavar="STAGE", help="A stage's name, package.module:Class, or a YAML file with `stages`.")
    ],
    changes: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter; LABEL.KEY of several stages.")
    ] = [],  # noqa: B006
    label: Annotated[
        str | None, typer.Option(help="Name of the measurement; before columns whose names the run has already.")
    ] = None,
    rejects: Annotated[bool, typer.Option("--rejects", help="Measure rejects that have a text, too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a stage's measurements to a finished run, in files beside its documents; nothing is rewritten."""
    from pipeline.measure import measure as measure_run
    from pipeline.progress import Progress

    found = measure_run(run, stage, changes, label, rejects, Progress(quiet or as_json))
    if as_json:
        print(json.dumps(asdict(found), indent=1))
        return
    if quiet:
        return
    print_table(["column", "type"], [[name, kind] for name, kind in found.columns.items()])
    print(f"{found.rows:,} rows measured, {found.rows_without_text:,} without text, {found.rows_with_error:,} failed")
    print(f"{found.parts_finished_before:,} of {found.parts:,} parts were measured before")
    print(f"next: {_after_measuring(run, found)}")


def _after_measuring(run: Path, found: Measured) -> str:
    """The command that says most of what was measured."""
    if any(name.endswith("contamination_matches") for name in found.columns):
        return f"corpusmill contamination {run} --label {found.label}"
    numbers = [name for name, kind in found.columns.items() if kind in ("int64", "double")]
    asked = found.rule or (f"{numbers[0]} < NUMBER" if numbers else None)
    return f"corpusmill inspect {run}" + (f' --what-if "{asked}"' if asked else "")


def checksum(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", parser=location, help="Run directories.")],
    as_json: JsonOption = False,
) -> None:
    """Print one sha256 for each published folder; exit status 1 if runs differ, or files are not as published."""
    from pipeline.checksums import differences, folder_checksums
    from pipeline.errors import RunError

    checksums = [folder_checksums(run) for run in runs]
    lines = differences(runs, checksums)
    if as_json:
        found = {str(run): [asdict(folder) for folder in of_run] for run, of_run in zip(runs, checksums, strict=True)}
        print(json.dumps({"runs": found, "differences": lines}, indent=1))
    else:
        rows = [
            [f"{folder.folder}/", str(run), f"{len(folder.files):,}", f"{folder.bytes:,}", folder.sha256]
            for run, of_run in zip(runs, checksums, strict=True)
            for folder in of_run
        ]
        print_table(["folder", "run", "files", "bytes", "sha256"], sorted(rows, key=lambda row: row[0]))
    lines += [
        f"{run / folder.folder}/ is not as it was published"
        for run, of_run in zip(runs, checksums, strict=True)
        for folder in of_run
        if not folder.as_published
    ]
    if lines:
        raise RunError("; ".join(lines))
