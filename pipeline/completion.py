"""The end of a run: publish what is complete and, once everything is, remove what nothing needs any more.

A driver does this by itself; whoever runs tasks with a scheduler calls `publish_run` (`corpusmill publish`)
after them. Cost: every manifest is read once, every output's size looked at.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import NotReady
from pipeline.files import remove_temporary_files
from pipeline.lock import driver_lock
from pipeline.plan import Plan
from pipeline.publication import publish
from pipeline.resume import missing_tasks
from pipeline.storage import remove_tree
from pipeline.totals import Totals, run_totals
from pipeline.workspace import Workspace

SHOWN_TASKS = 5


def publish_run(run: Path) -> Totals:
    """Publish the folders of a planned run in the plan's order, as far as its phases are complete.

    Raises NotReady at the first phase with tasks missing, RunError while a driver works on the run.
    """
    workspace = Workspace(run)
    plan = workspace.load_plan()
    with driver_lock(run):
        for phase in plan.phases:
            missing, _ = missing_tasks(plan, phase, workspace)
            if missing:
                shown = ", ".join(map(str, missing[:SHOWN_TASKS])) + (", ..." if len(missing) > SHOWN_TASKS else "")
                raise NotReady(
                    f"{run}: {len(missing)} of {phase.tasks} tasks of {phase.name} are not done (tasks {shown})"
                )
            publish(plan, phase, workspace)
        return finish(plan, workspace)


def finish(plan: Plan, workspace: Workspace) -> Totals:
    """Remove the work of earlier recipes and what killed writers left, and add up the row account.

    Only for a run whose tasks are all done, so that nothing writes below it any more.
    """
    wanted = {phase.folder for phase in plan.phases}
    for folder in workspace.work.iterdir() if workspace.work.is_dir() else ():
        if folder.name not in wanted:
            remove_tree(folder)
    remove_temporary_files(workspace.run)
    return run_totals(plan, workspace)
