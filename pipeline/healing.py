"""Make damaged files again within the run that met them: the tasks that wrote them no longer count as done.

The driver then goes through its phases again. Same inputs give the same bytes, so whatever else is done stays done;
only where writers read what was cleaned away do more run (pipeline.restoration). A task whose files are found damaged
after this run made them again MOST_TIMES ends it, so a run begins anew at most so often for each of its tasks. Cost:
nothing without damage, else a look at every manifest each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pipeline.errors import DamagedFile, RunError
from pipeline.plan import Plan
from pipeline.progress import Progress
from pipeline.publication import withdraw
from pipeline.reporter import TaskReporter
from pipeline.restoration import restore_needed
from pipeline.workspace import Workspace

#: How often a run makes the files of one task again before the disk must be what is wrong.
MOST_TIMES = 2
SHOWN_FILES = 5


class Healing:
    """What one run has made again so far."""

    def __init__(self, plan: Plan, workspace: Workspace, progress: Progress) -> None:
        self._plan, self._workspace, self._progress = plan, workspace, progress
        self._made_again: Counter[tuple[str, int]] = Counter()

    def begin(self, damaged: Sequence[DamagedFile]) -> None:
        """Have what wrote these files run again. RunError where that was done MOST_TIMES in vain."""
        # Published files may be the damaged ones under another name, or copies of them; first, so that a stop before
        # the writers are taken back cannot leave such a copy beside good files of the same size.
        published = (self._plan.phase(file.phase).publishes.get(file.output) for file in damaged)
        withdraw({folder for folder in published if folder is not None}, self._workspace)
        take_back(damaged, self._plan, self._workspace)
        for file in damaged:
            if self._made_again[file.phase, file.task] == MOST_TIMES:
                raise RunError(
                    f"{file.path}: is damaged again, though {file.writer} has made it again {MOST_TIMES} times in this "
                    "run; see whether its disk is sound, then the same command goes on"
                )
        self._made_again.update({(file.phase, file.task) for file in damaged})
        for file in damaged[:SHOWN_FILES]:
            self._progress.say(f"{file.path}: is damaged; {file.writer}, which wrote it, runs again")
        if len(damaged) > SHOWN_FILES:
            self._progress.say(f"{len(damaged) - SHOWN_FILES} more files are damaged; what wrote them runs again")
        for line in restore_needed(self._plan, self._workspace):
            self._progress.say(line)


def take_back(damaged: Iterable[DamagedFile], plan: Plan, workspace: Workspace) -> None:
    """Have the tasks that wrote these files count as not done, unless they do, and their logs say why."""
    standing = [file for file in damaged if workspace.manifest(plan.phase(file.phase), file.task).exists()]
    for file in standing:
        phase = plan.phase(file.phase)
        TaskReporter(workspace.log(phase, file.task)).log("damaged", file=file.path)
        workspace.manifest(phase, file.task).unlink(missing_ok=True)
