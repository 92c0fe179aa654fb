"""The programs of Slurm that are called: scontrol for the site's limits, sbatch, squeue."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import RecipeError, RunError

#: Tasks of an array, however large the site lets it be: what is submitted at once stays of a size to look at.
LARGEST_ARRAY = 10_000


class SlurmError(RunError):
    """Slurm did not take a job; the message is its own."""


@dataclass(frozen=True)
class QueuedJob:
    """A job that waits or runs; an array is one job, whatever its number of tasks."""

    job: int
    name: str


def largest_array() -> int:
    """How many tasks an array may have, so that all their ids are lower. RecipeError where there is no Slurm."""
    try:
        settings = _call(["scontrol", "show", "config"])
    except SlurmError as error:
        if "configuration source" not in str(error):
            raise
        raise RecipeError(
            "--executor slurm: this machine belongs to no Slurm cluster (no slurm.conf, no SLURM_CONF); "
            "submit from one that does, or choose another --executor"
        ) from error
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", settings, re.MULTILINE)
    capped = re.search(r"^SchedulerParameters\s*=.*\bmax_array_tasks=(\d+)", settings, re.MULTILINE)
    sizes = [int(match.group(1)) for match in (found, capped) if match]
    if 0 in sizes:
        raise RecipeError("--executor slurm: this cluster allows no job arrays (MaxArraySize is 0)")
    return min([*sizes, LARGEST_ARRAY])


def submit(options: Sequence[str], script: str) -> int:
    """Submit a script; the id of its job. Raises SlurmError."""
    return int(_call(["sbatch", "--parsable", *options], script).partition(";")[0])


def queued_jobs(name_ending: str) -> list[QueuedJob]:
    """This user's jobs that wait or run and have a name that ends so, by id."""
    listed = _call(["squeue", "--noheader", f"--user={os.getuid()}", "--format=%F %j"])
    rows = [line.strip().split(" ", 1) for line in listed.splitlines() if line.strip()]
    jobs = {QueuedJob(int(job), name) for job, name in rows if name.endswith(name_ending)}
    return sorted(jobs, key=lambda queued: queued.job)


def _call(command: list[str], standard_input: str | None = None) -> str:
    try:
        done = subprocess.run(command, input=standard_input, capture_output=True, text=True)
    except FileNotFoundError:
        raise RecipeError(
            f"--executor slurm: {command[0]} is not installed here; submit from a machine that belongs to the cluster"
        ) from None
    if done.returncode != 0:
        lines = [line.partition("error: ")[2] or line for line in done.stderr.splitlines()]
        raise SlurmError(f"{command[0]}: {'; '.join(dict.fromkeys(lines)) or f'exit status {done.returncode}'}")
    return done.stdout
