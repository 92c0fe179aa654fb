"""Named places where a test can kill the process, to prove that nothing is lost there.

`CORPUSMILL_FAULT` holds faults separated by blanks, each `<place>@<phase>:<index>` and options after semicolons.
The process that reaches the place in that task kills itself with SIGKILL. `*` stands for any phase or index;
before a driver's first phase the phase is empty. Places:

    batch             a batch is in flight
    before_rename     a file is whole under its temporary name (the task's marker, its outputs, its manifest in turn)
    after_rename      and has its own name, which is not yet safe on the disk
    before_manifest   all outputs are there
    publication       in the driver: the folder is built, and again once it stands and is not recorded yet
    between_phases    in the driver: the phase is published

Options:

    once=<file>       only the first to create this file meets the fault
    visit=<n>         only when the process comes to the place in this task for the n-th time
    parent            the parent process (the driver of a local worker) is killed first
    parent_only       the parent process is killed, this one goes on
    memory=<bytes>    instead of dying, hold so much memory until the task's limit ends it
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from fnmatch import fnmatch

_current = ("", 0)
_visits: Counter[str] = Counter()

#: How long a task holds memory before it is clear that no limit ends it.
LONGEST_HOLD_SECONDS = 60.0


def entering_task(phase: str, index: int) -> None:
    """Remember which task the process works on, so that places deep below need not be told."""
    global _current
    _current = (phase, index)


def fault_point(place: str) -> None:
    setting = os.environ.get("CORPUSMILL_FAULT")
    if not setting:
        return
    phase, index = _current
    here = f"{place}@{phase}:{index}"
    _visits[here] += 1
    for fault in setting.split():
        pattern, *options = fault.split(";")
        chosen = dict(option.partition("=")[::2] for option in options)
        if fnmatch(here, pattern) and int(chosen.get("visit", _visits[here])) == _visits[here]:
            _meet(chosen)


def _meet(options: dict[str, str]) -> None:
    if "once" in options:
        try:
            os.close(os.open(options["once"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
    if "memory" in options:
        held = b"x" * int(options["memory"])
        time.sleep(LONGEST_HOLD_SECONDS)
        raise MemoryError(f"held {len(held)} bytes and no limit ended it")
    if "parent" in options or "parent_only" in options:
        os.kill(os.getppid(), signal.SIGKILL)
    if "parent_only" not in options:
        os.kill(os.getpid(), signal.SIGKILL)
