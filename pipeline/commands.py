"""Commands that make runs, and the stages that recipes name: run, plan, task, publish, stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.options import (
    InputOption,
    JsonOption,
    LimitOption,
    ListOption,
    MemoryOption,
    RecipeArgument,
    RunArgument,
    SecondsOption,
    SetOption,
)
from pipeline.storage import location
from pipeline.tables import print_table

if TYPE_CHECKING:
    from pipeline.executors.limits import Limits
    from pipeline.inputs import Input
    from pipeline.plan import Plan
    from pipeline.recipe import Recipe
    from pipeline.site import SlurmSettings
    from pipeline.totals import Totals


def add_to(app: typer.Typer) -> None:
    """Register the commands on the front door's application."""
    example = "Example: corpusmill run fineweb --in crawl/ --out run/ --set gopher.min_doc_words=80"
    app.command(name="run", epilog=example)(run)
    app.command(name="plan", epilog="Example: corpusmill plan fineweb --in crawl/ --sample 0.01 --workers 32")(plan)
    app.command(
        name="task", epilog="Example: corpusmill plan fineweb --in crawl/ --out run/; corpusmill task run/ curate 3"
    )(task)
    app.command(name="publish", epilog="Example: corpusmill publish run/")(publish)
    app.command(name="stages", epilog="Example: corpusmill stages gopher")(stages)


def run(
    recipe: RecipeArgument,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="RUN", parser=location, help="Run directory; going on where it stopped."),
    ],
    inputs: InputOption = [],  # noqa: B006
    names: ListOption = None,
    changes: SetOption = [],  # noqa: B006
    executor: Annotated[
        str | None, typer.Option(help="Where tasks run: inline, local (unless the site file says so), ray or slurm.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Tasks at once; one a core, on slurm no limit.")] = None,
    limit: LimitOption = None,
    task_memory: MemoryOption = None,
    task_seconds: SecondsOption = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="With slurm: stay until the jobs have ended; others always do.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Run a recipe; run it again to go on after a stop, or after a change (only what it touches)."""
    from pipeline.driver import run as run_recipe
    from pipeline.executors.limits import Limits
    from pipeline.site import Site

    limits, site, parsed = Limits.parse(task_memory, task_seconds), Site.load(), _recipe(recipe, changes)
    given = _inputs(inputs, names)
    executor = executor or site.executor
    if executor == "slurm":
        _run_on_slurm(parsed, given, out, workers, limit, limits, site.slurm, wait, quiet)
        return
    result = run_recipe(parsed, given, out, executor, workers, limit, quiet, limits)
    if not quiet:
        print_totals(result.totals, out)
        ran, skipped = sum(result.ran.values()), sum(result.skipped.values())
        damaged = len(result.damaged)
        healed = f", {damaged} damaged file{'s' if damaged > 1 else ''} made again" if damaged else ""
        print(f"{ran} tasks ran, {skipped} had finished before{healed}, {result.seconds:.1f} s")
        print(f"next: corpusmill inspect {out}")


def _run_on_slurm(
    recipe: Recipe,
    inputs: list[Input],
    out: Path,
    workers: int | None,
    limit: int | None,
    limits: Limits,
    settings: SlurmSettings,
    wait: bool,
    quiet: bool,
) -> None:
    from pipeline.executors.slurm.following import follow
    from pipeline.executors.slurm.submission import submit
    from pipeline.progress import Progress
    from tokenizer.kernel_cache import announcing

    progress = Progress(quiet)
    with announcing(progress.compiling):
        submission = submit(recipe, inputs, out, workers, limit, limits, settings, progress)
    if submission.jobs and not quiet:
        print(f"{sum(submission.unfinished.values())} tasks submitted; job {submission.jobs[-1]}, the last, publishes")
        print(f"next: corpusmill status {out} --watch")
    if wait or not submission.jobs:
        totals = follow(submission, progress)
        if not quiet:
            print_totals(totals, out)
            print(f"next: corpusmill inspect {out}")


def plan(
    recipe: RecipeArgument,
    inputs: InputOption = [],  # noqa: B006
    names: ListOption = None,
    changes: SetOption = [],  # noqa: B006
    limit: LimitOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", parser=location, help="Also make this run directory ready for `task`."),
    ] = None,
    sample: Annotated[
        float | None,
        typer.Option(metavar="FRACTION", help="Run this share of the input and estimate what all of it would cost."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the sample.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Workers of the run to estimate; one a core unless given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the phases and tasks that a recipe compiles to and, with --sample, what they would cost."""
    from pipeline.estimate.commands import check_fraction, show_estimate
    from pipeline.plan import compile_plan
    from pipeline.preparation import write_plan
    from pipeline.progress import Progress
    from tokenizer.kernel_cache import announcing

    if sample is not None:
        check_fraction(sample, limit)
    parsed = _recipe(recipe, changes)
    corpus = _inputs(inputs, names)
    with announcing(Progress(quiet=as_json).compiling):
        compiled = compile_plan(parsed, corpus, limit) if out is None else write_plan(parsed, corpus, out, limit)
        if sample is not None:
            show_estimate(compiled, sample, workers, seed, as_json)
            return
    if as_json:
        print(json.dumps(_plan_data(compiled), indent=1))
        return
    size = sum(file.size for file in compiled.files.values())
    print(f"{compiled.recipe.name}: {len(compiled.files)} files, {size / 1e6:,.1f} MB")
    rows = [
        [phase.name, str(phase.tasks), ", ".join(phase.labels) or "-", ", ".join(sorted(set(phase.publishes.values())))]
        for phase in compiled.phases
    ]
    print_table(["phase", "tasks", "stages", "publishes"], rows)


def task(
    run: RunArgument,
    phase: Annotated[str, typer.Argument(metavar="PHASE", help="A phase, as `corpusmill plan` names it.")],
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="Number of the task, from 0.")],
    task_memory: MemoryOption = None,
    task_seconds: SecondsOption = None,
) -> None:
    """Run one task of a planned run, for a scheduler of your own; exit status 75 if what it reads is not complete."""
    from pipeline.errors import RecipeError, RunError
    from pipeline.executors.base import TaskFailure
    from pipeline.executors.isolated import run_isolated
    from pipeline.executors.limits import Limits
    from pipeline.healing import take_back
    from pipeline.progress import Progress
    from pipeline.workspace import Workspace
    from tokenizer.kernel_cache import announcing

    with announcing(Progress().compiling):
        outcome = run_isolated(run, phase, index, Limits.parse(task_memory, task_seconds))
    if isinstance(outcome, TaskFailure):
        if outcome.damaged:
            take_back(outcome.damaged, Workspace(run).load_plan(), Workspace(run))
        raise (RecipeError if outcome.mendable else RunError)(f"{phase} task {index}: {outcome.message}")
    print(f"{phase}:{index} {outcome}")


def publish(run: RunArgument) -> None:
    """Publish what the tasks of a planned run made; exit status 75 if some are not done yet."""
    from pipeline.completion import publish_run

    print_totals(publish_run(run), run)


def stages(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A stage, or package.module:Class.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the stages a recipe can name, or the parameters, measurements and rules of one."""
    from pipeline.catalogue import describe_stage, list_stages
    from pipeline.errors import RecipeError
    from stages.base import StageError

    if name is None:
        listed = list_stages()
        if as_json:
            print(json.dumps(listed, indent=1))
        else:
            print_table(["stage", "kind", "what it does"], [[s["name"], s["kind"], s["summary"]] for s in listed])
        return
    try:
        described = describe_stage(name)
    except StageError as error:
        raise RecipeError(str(error)) from error
    if as_json:
        print(json.dumps(described, indent=1))
        return
    print(f"{described['name']} ({described['kind']}, version {described['version']})\n\n{described['doc']}\n")
    parameters = [[p["name"], p["type"], p["default"], p["description"]] for p in described["parameters"]]
    if parameters:
        print_table(["parameter", "type", "default", "meaning"], parameters)
    for title in ("measurements", "rules"):
        if described[title]:
            print()
            print_table([title, "meaning"], [[key, value] for key, value in described[title].items()])


def print_totals(totals: Totals, run: Path) -> None:
    """The row account in one line, and a remark where nothing was kept."""
    from pipeline.nothing_kept import nothing_kept

    line = f"read {totals.read:,} = kept {totals.kept:,} + dropped {totals.dropped:,}"
    print(f"{line} + quarantined {totals.quarantined:,}")
    for remark in nothing_kept(run, totals):
        print(remark)


def _recipe(name: str, changes: list[str]) -> Recipe:
    from pipeline.recipe import Recipe

    return Recipe.load(name, changes)


def _inputs(given: list[str], names: Path | None) -> list[Input]:
    """What --in and --list name together."""
    from pipeline.errors import RecipeError
    from pipeline.inputs import FileList

    if names is None:
        return list(given)
    if len(given) != 1:
        raise RecipeError(f"--list {names}: its names are relative to one --in, not to {len(given)}")
    return [FileList(given[0], names)]


def _plan_data(plan: Plan) -> dict[str, Any]:
    phases = [
        {
            "name": phase.name,
            "tasks": phase.tasks,
            "stages": list(phase.labels),
            "reads": [f"{read.output} ({read.select})" for read in phase.reads],
            "publishes": sorted(set(phase.publishes.values())),
            "fingerprint": phase.fingerprint,
        }
        for phase in plan.phases
    ]
    files = [{"name": file.name, "bytes": file.size} for file in plan.files.values()]
    return {"recipe": plan.recipe.name, "files": files, "phases": phases}
