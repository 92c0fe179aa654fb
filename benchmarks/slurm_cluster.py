"""A real Slurm cluster on this machine: two nodes of one core, each a slurmd of its own, as Debian's packages bring it.

It lives in a temporary folder with keys, ports and a configuration of its own, so that it meets no other Slurm.
A requeued job waits until the credential of its last start has expired (`cred_expire`), two minutes unless it is said.
A node that was set down stays down until it is resumed (`ReturnToService=1`).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
CONFIGURATION = """
ClusterName=corpusmill
SlurmctldHost={host}(localhost)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=1,sched_min_interval=0,batch_sched_delay=0
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ReturnToService=1
KillWait=2
MaxArraySize={largest_array}
NodeName=n1 NodeHostname=localhost Port={ports[1]} CPUs=1 RealMemory=8000
NodeName=n2 NodeHostname=localhost Port={ports[2]} CPUs=1 RealMemory=8000
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def why_impossible() -> str | None:
    """Why no cluster can be started here; None where one can."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"Slurm is not installed (no {absent[0]}); apt-get install slurm-wlm munge"
    return None if os.getuid() == 0 else "a Slurm cluster can only be started by root"


@contextmanager
def slurm_cluster(largest_array: int) -> Iterator[Path]:
    """Start a cluster whose arrays hold `largest_array` tasks, and make it the one that Slurm's programs talk to.

    Gives the folder of its logs.
    """
    # The socket's path must be short, and munged wants a folder that everybody may enter.
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    folder.chmod(0o755)
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(_configure(folder, largest_array))
    try:
        _start(folder)
        wait_until(lambda: node_states() == ["idle", "idle"], "two idle nodes")
        yield folder
    finally:
        _stop(folder)
        if before is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = before
        shutil.rmtree(folder, ignore_errors=True)


def slurm(*command: str) -> str:
    """What one of Slurm's programs prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def node_states() -> list[str]:
    found = subprocess.run(["sinfo", "--noheader", "--Node", "--format=%t"], capture_output=True, text=True)
    return found.stdout.split()


def queue(form: str = "%i %j %T") -> list[str]:
    """A line for each job, and each task of an array, that waits or runs."""
    return slurm("squeue", "--noheader", "--array", f"--format={form}").splitlines()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 240.0) -> None:
    """Look until the condition comes true; TimeoutError is a bound for what hangs, not a measurement."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"still no {what} after {seconds:.0f} s")
        time.sleep(0.1)


def _configure(folder: Path, largest_array: int) -> Path:
    (folder / "state").mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    configuration = folder / "slurm.conf"
    host = socket.gethostname().partition(".")[0]
    text = CONFIGURATION.format(folder=folder, host=host, ports=_free_ports(3), largest_array=largest_array)
    configuration.write_text(text)
    return configuration


def _start(folder: Path) -> None:
    munged = [f"--{name}={folder}/munge.{name.split('-')[0]}" for name in ("key-file", "socket")]
    munged += [f"--{name}-file={folder}/munged.{name}" for name in ("pid", "log", "seed")]
    for command in (["munged", *munged], ["slurmctld"], ["slurmd", "-N", "n1"], ["slurmd", "-N", "n2"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _stop(folder: Path) -> None:
    """End what still runs of the jobs, then the daemons."""
    subprocess.run(["scancel", f"--user={os.getuid()}"], capture_output=True)
    end = time.monotonic() + 20
    while subprocess.run(["squeue", "--noheader"], capture_output=True).stdout and time.monotonic() < end:
        time.sleep(0.1)
    for name in ("n1", "n2", "slurmctld", "munged"):
        with_pid = folder / f"{name}.pid"
        if with_pid.exists():
            pid = int(with_pid.read_text())
            os.kill(pid, 15)
            while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
                time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports
