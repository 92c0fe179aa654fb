"""Whether a process that left its name in a file is known to be gone: only its own host can tell."""

from __future__ import annotations

import os
from pathlib import Path


def known_to_be_gone(host: str, pid: int) -> bool:
    """Whether a process was one of this host, and is no more; a zombie is none."""
    if host != os.uname().nodename:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether it has ended and its parent, which may be a container's first process, never looked."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
