"""Make a run directory ready for tasks: compile the plan, write it, clear away what is stale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from pipeline.assets import asset_paths
from pipeline.at_work import refuse_others_at_work
from pipeline.errors import RecipeError
from pipeline.files import atomic_path, remove_temporary_files
from pipeline.inputs import Input
from pipeline.lock import LOCK_NAME, driver_lock
from pipeline.network import is_web
from pipeline.plan import Plan, compile_plan
from pipeline.progress import Progress
from pipeline.publication import withdraw_stale
from pipeline.recipe import Recipe
from pipeline.restoration import restore_needed
from pipeline.storage import is_remote, location, remove_tree, write_bytes
from pipeline.workspace import Workspace


def write_plan(recipe: Recipe, inputs: Sequence[Input], out: str | Path, limit: int | None = None) -> Plan:
    """Make a run directory ready for `run_task`, by whatever schedules it, without running anything.

    Raises RecipeError for what the user must mend, RunError while others are at work on the run.
    """
    workspace = open_workspace(location(out))
    with driver_lock(workspace.run):
        refuse_others_at_work(workspace)
        return prepare(recipe, inputs, limit, workspace, Progress(quiet=True))


def prepare(
    recipe: Recipe, inputs: Sequence[Input], limit: int | None, workspace: Workspace, progress: Progress
) -> Plan:
    """Write recipe and plan, and clear away what died and what another recipe published."""
    plan = compile_plan(recipe, inputs, limit)
    _refuse_own_results(recipe, workspace)
    remove_temporary_files(workspace.run)
    for phase in plan.phases:
        remove_tree(workspace.running(phase, 0).parent)
    _save_recipe(recipe, workspace)
    plan.save(workspace.plan_file)
    withdraw_stale(plan, workspace, progress)
    for line in restore_needed(plan, workspace):
        progress.say(line)
    return plan


def _refuse_own_results(recipe: Recipe, workspace: Workspace) -> None:
    """What a run published is withdrawn before another recipe runs there, which then cannot read it."""
    for label, stage in recipe.stages.items() if not is_remote(workspace.run) else ():
        for path in asset_paths(stage).values():
            if path.is_relative_to(workspace.run.absolute()):
                raise RecipeError(f"stage '{label}' reads {path}, a result of this very run; give another --out")


def previous_plan(workspace: Workspace) -> Plan | None:
    """The plan that last ran here, if it can still be read; only used to explain what changed."""
    try:
        return workspace.load_plan()
    except RecipeError:
        return None


def open_workspace(run: Path) -> Workspace:
    """The run directory of --out, made if need be. RecipeError when it is something else or cannot be written."""
    if is_remote(run) and is_web(run):
        raise RecipeError(f"{run}: web servers are only read; choose an --out on a disk or an object store")
    if run.exists() and not run.is_dir():
        raise RecipeError(f"{run}: exists and is not a folder; choose another --out")
    if run.is_dir() and any(run.iterdir()) and not (run / "plan.json").exists() and not (run / LOCK_NAME).exists():
        raise RecipeError(f"{run}: is not empty and not a run directory; choose another --out")
    try:
        run.mkdir(parents=True, exist_ok=True)
        probe = run / ".tmp-probe"
        if is_remote(run):
            write_bytes(probe, b"")
        else:
            probe.touch()
        probe.unlink()
    except OSError as error:
        no_bucket = is_remote(run) and isinstance(error, FileNotFoundError)
        reason = "no such bucket" if no_bucket else error.strerror or error
        raise RecipeError(f"{run}: cannot be written: {reason}; choose another --out") from error
    return Workspace(run)


def _save_recipe(recipe: Recipe, workspace: Workspace) -> None:
    with atomic_path(workspace.run / "recipe.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(recipe.to_data(), sort_keys=False, allow_unicode=True), "utf-8")
