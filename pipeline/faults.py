"""Named places where a test can kill the process, to prove that nothing is lost there.

`CORPUSMILL_FAULT=<place>@<phase>:<index>[;once=<marker file>]` makes the process that reaches the place in
that task kill itself with SIGKILL; with `once`, only the first to create the marker file dies. `*` stands
for any phase or index. Places: batch, before_rename, before_manifest, between_phases, publication.
With `;parent`, the parent process (the driver of a local worker) is killed first.
"""

from __future__ import annotations

import os
import signal
from fnmatch import fnmatch

_current = ("", 0)


def entering_task(phase: str, index: int) -> None:
    """Remember which task the process works on, so that places deep below need not be told."""
    global _current
    _current = (phase, index)


def fault_point(place: str) -> None:
    setting = os.environ.get("CORPUSMILL_FAULT")
    if not setting:
        return
    pattern, *options = setting.split(";")
    phase, index = _current
    if not fnmatch(f"{place}@{phase}:{index}", pattern):
        return
    for option in options:
        if option.startswith("once="):
            try:
                os.close(os.open(option.removeprefix("once="), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
    if "parent" in options:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
