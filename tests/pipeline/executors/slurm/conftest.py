"""A Slurm cluster whose arrays hold no more than 5 tasks, and the command line that uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from benchmarks.slurm_cluster import slurm_cluster, why_impossible
from pipeline.storage import location

ROOT = Path(__file__).parents[4]
LARGEST_ARRAY = 5


@pytest.fixture(scope="package")
def cluster() -> Iterator[Path]:
    """The folder of the cluster's logs."""
    impossible = why_impossible()
    if impossible:
        pytest.skip(impossible)
    with slurm_cluster(LARGEST_ARRAY) as folder:
        yield folder


class SlurmRun:
    """`corpusmill run ... --executor slurm` on one recipe, input and run directory."""

    def __init__(self, folder: Path, recipe: Mapping, corpus: Path | str, out: str | None = None) -> None:
        self.folder, self.out = folder, location(out or folder / "run")
        self.recipe, self.site = folder / "recipe.yaml", folder / "site.yaml"
        self.recipe.write_text(yaml.safe_dump(dict(recipe)))
        self.site.write_text("executor: slurm\n")
        self._command = [sys.executable, "-m", "corpusmill", "run", str(self.recipe)]
        self._command += ["--in", str(corpus), "--out", str(self.out)]

    def start(self, *options: str, fault: str = "") -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CORPUSMILL_SITE": str(self.site)}
        if fault:
            environment["CORPUSMILL_FAULT"] = fault
        return subprocess.Popen(
            [*self._command, *options],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *options: str, fault: str = "") -> subprocess.CompletedProcess[str]:
        started = self.start(*options, fault=fault)
        output, errors = started.communicate(timeout=400)
        return subprocess.CompletedProcess(started.args, started.returncode, output, errors)
