"""Errors the front door prints as one line: `exit_status` 2 for wrong use, 1 for work that failed, 75 for later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class RecipeError(Exception):
    """The recipe, an option or an input path is wrong; the message names it and the mend."""

    exit_status = 2


class RunError(Exception):
    """Work failed; the same command goes on from where it stopped."""

    exit_status = 1


class Refused(RunError):
    """A storage does not let the user in; mended by other credentials, and then the same command goes on."""

    exit_status = 2


class NotReady(RunError):
    """What a task reads is not complete yet; the same command works once it is (status EX_TEMPFAIL of sysexits.h)."""

    exit_status = 75


class DamagedFile(NamedTuple):
    """A file that is not, or no longer, what a task recorded as its output."""

    path: str
    phase: str
    task: int
    output: str

    @property
    def writer(self) -> str:
        return f"{self.phase} task {self.task}"


class Damaged(RunError):
    """Files that a task reads are damaged; it can run once those that wrote them have run again."""

    def __init__(self, files: Sequence[DamagedFile]) -> None:
        self.files = tuple(files)
        first, others = self.files[0], len(self.files) - 1
        more = f" (and {others} more)" if others else ""
        super().__init__(
            f"{first.path}: is damaged, so {first.writer}, which wrote it, must run again{more}; "
            "the same `corpusmill run` sees to it, or `corpusmill task` for each"
        )


class Stopped(Exception):
    """A stop was asked for by SIGTERM or SIGINT; finished tasks stay finished."""

    exit_status = 1
