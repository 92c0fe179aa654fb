"""Which failures of a task are repeated, how often, and after which pauses.

Repeated is what may pass by itself: errors of the machine (an OSError: a cut connection, a full disk, an input
error, a stale handle of a network file system; a MemoryError) and deaths of the worker, which
pipeline.executors.deaths counts. Not repeated is what comes again the same way: errors that the user must mend
(`exit_status` 2, and an OSError that says a path is absent, forbidden, read-only or of the wrong kind), other errors
of our own (a damaged input must be made again first, and pipeline.storage repeats its requests itself), and every
other exception, for a task is a pure function and an error of a stage's code is one of its values. Limits of
memory and time fail a task at once, too: they stand between the task and the machine's other work.

Pauses grow fourfold, so that REPEATS of them outlast a restarted server and not a mistake. A hash of the task
and the attempt lengthens each by up to a quarter: tasks that failed together do not come back together, and a
run that is repeated pauses the same.
"""

from __future__ import annotations

import errno
import zlib

from shards.commandline import USED_WRONGLY

#: Seconds before the first, second and third repeat.
PAUSES = (1.0, 4.0, 16.0)
REPEATS = len(PAUSES)

_COMES_AGAIN = {*USED_WRONGLY, errno.EFBIG}


def may_pass(error: BaseException) -> bool:
    """Whether an exception of a task is the machine's and may be gone when the task is repeated."""
    if hasattr(error, "exit_status"):
        return False
    if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)):
        return False  # Arrow raises some of them without an errno.
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno not in _COMES_AGAIN)


def pause_before(phase: str, index: int, repeat: int) -> float:
    """Seconds to wait before a repeat of a task, counted from 1."""
    spread = zlib.crc32(f"{phase}:{index}:{repeat}".encode()) / 2**32
    return PAUSES[min(repeat, REPEATS) - 1] * (1 + spread / 4)
