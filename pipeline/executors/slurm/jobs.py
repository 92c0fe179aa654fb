"""What Slurm is given for a job: options of sbatch, and a script that calls `corpusmill task` or `publish`.

A job is an ordinary process that may be stopped at any moment: preempted and requeued (`--requeue`), it runs its
task again. It sees the environment of the shell that submitted it, then what the site file adds.
"""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from pipeline.executors.limits import Limits
from pipeline.executors.slurm.arrays import TaskArray
from pipeline.plan import Plan, PlannedPhase
from pipeline.site import SlurmSettings
from pipeline.storage import is_remote
from pipeline.workspace import Workspace

#: What a job has beyond its task's limits, so that the task fails with our words before Slurm kills it without:
#: memory for the process that watches it, time to begin and to repeat it after an error of the machine.
SPARE_MEBIBYTES = 512
SPARE_MINUTES = 10

PUBLICATION = "publish"

#: What a job says that ends before it becomes its task; nothing else would be left of it.
ENDED_BEFORE = (
    'echo "corpusmill: the job ended before its task (exit status $?) at: $BASH_COMMAND; '
    'see set_up in the site file" >&2'
)


def job_name(phase: str, run: Path) -> str:
    """Says in squeue what a job does, and by its ending to which run directory it belongs."""
    return f"{phase}.{sha256(str(run).encode()).hexdigest()[:12]}"


def array_options(
    array: TaskArray, after: Sequence[int], workspace: Workspace, limits: Limits, settings: SlurmSettings
) -> list[str]:
    """Options of sbatch for an array that waits for the jobs `after`."""
    output = output_folder(workspace, array.phase) / "%A_%a.out"
    options = [*_common(array.phase.name, output, after, workspace, settings), f"--array={array.specification}"]
    if limits.memory is not None:
        options.append(f"--mem={math.ceil(limits.memory / 2**20) + SPARE_MEBIBYTES}M")
    if limits.seconds is not None:
        options.append(f"--time={math.ceil(limits.seconds / 60) + SPARE_MINUTES}")
    return [*options, *settings.options]


def publication_options(plan: Plan, after: Sequence[int], workspace: Workspace, settings: SlurmSettings) -> list[str]:
    """Options of sbatch for the last job of a run; what it prints lies beside the last phase's."""
    output = output_folder(workspace, plan.phases[-1]) / "publish-%j.out"
    return [*_common(PUBLICATION, output, after, workspace, settings), *settings.options]


def output_folder(workspace: Workspace, phase: PlannedPhase) -> Path:
    """Where the jobs of a phase leave what they print, which Slurm wants to be a folder of its nodes and there."""
    if is_remote(workspace.run):
        return Path.cwd() / "corpusmill-jobs" / phase.folder
    return workspace.phase(phase) / "jobs"


def task_script(array: TaskArray, workspace: Workspace, limits: Limits, settings: SlurmSettings) -> str:
    """A job of an array: one task of its phase."""
    number = f'"$((SLURM_ARRAY_TASK_ID + {array.first}))"'
    command = f"task {shlex.quote(str(workspace.run))} {shlex.quote(array.phase.name)} {number}"
    if limits.memory is not None:
        command += f" --task-memory {limits.memory}"
    if limits.seconds is not None:
        command += f" --task-seconds {limits.seconds:g}"
    return _script(command, settings)


def publication_script(workspace: Workspace, settings: SlurmSettings) -> str:
    """The last job of a run."""
    return _script(f"publish {shlex.quote(str(workspace.run))}", settings)


def _common(name: str, output: Path, after: Sequence[int], workspace: Workspace, settings: SlurmSettings) -> list[str]:
    folder = str(output.parent).replace("%", "%%")
    options = [f"--job-name={job_name(name, workspace.run)}", f"--output={folder}/{output.name}", "--open-mode=append"]
    options += ["--requeue", "--ntasks=1", "--cpus-per-task=1"]
    if after:
        options.append(f"--dependency=afterany:{':'.join(map(str, after))}")
    for setting in ("partition", "account", "qos"):
        if getattr(settings, setting) is not None:
            options.append(f"--{setting}={getattr(settings, setting)}")
    return options


def _script(command: str, settings: SlurmSettings) -> str:
    # -P: a folder of the directory that the user submits from must not be taken for one of our packages.
    lines = ["#!/bin/bash", "set -e", f"trap {shlex.quote(ENDED_BEFORE)} EXIT"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in settings.environment.items()]
    lines += [*settings.set_up, f"exec {shlex.quote(sys.executable)} -P -m corpusmill {command}"]
    return "\n".join(lines) + "\n"
