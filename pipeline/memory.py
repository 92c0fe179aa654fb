"""How much memory a process takes, as Linux tells it in /proc/PID/status.

Not `getrusage`: its maximum is inherited from the process that started this one, whatever that one held.
"""

from __future__ import annotations

import resource
from pathlib import Path


def resident_bytes(process: int) -> int:
    """Memory of a process that lies in RAM; 0 where the system does not tell or the process is gone."""
    return _field(str(process), "VmRSS:") or 0


def peak_resident_bytes() -> int:
    """The most that this process has held in RAM; by getrusage where there is no /proc."""
    return _field("self", "VmHWM:") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _field(process: str, name: str) -> int | None:
    try:
        status = Path(f"/proc/{process}/status").read_text("ascii", "replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return None
