"""Slurm jobs whose input and run directory lie on an object store, entered with the submitting shell's keys."""

from __future__ import annotations

from pathlib import Path

import boto3

from benchmarks.slurm_cluster import queue, wait_until
from pipeline import Recipe, run
from pipeline.checksums import folder_checksums
from pipeline.status import read_status
from tests.pipeline.executors.slurm.conftest import SlurmRun
from tests.pipeline.s3_server import Network

RECIPE = {
    "name": "remote",
    "stages": ["tests.pipeline.line_stages:Lines", {"exact_dedup": {"buckets": 1}}],
}


def test_a_run_from_and_to_s3_gives_the_bytes_of_a_local_one(
    cluster: Path, bucket: Network, lines: Path, tmp_path: Path
) -> None:
    boto3.client("s3").upload_file(str(lines / "part-0.txt"), "crawl", "lines/part-0.txt")
    slurm_run = SlurmRun(tmp_path, RECIPE, "s3://crawl/lines", out="s3://crawl/run")
    submitted = slurm_run()
    assert submitted.returncode == 0, submitted.stderr
    again = slurm_run()
    assert again.returncode == 1 and "queued or running on Slurm, so nothing was begun" in again.stderr
    assert read_status(slurm_run.out).state == "running"
    wait_until(lambda: not queue(), "end of the jobs")
    assert read_status(slurm_run.out).state == "complete"
    run(Recipe.parse(RECIPE), [lines / "part-0.txt"], tmp_path / "inline", executor="inline", quiet=True)
    assert folder_checksums(slurm_run.out) == folder_checksums(tmp_path / "inline")
    printed = sorted(path.parent.name.rpartition("-")[0] for path in tmp_path.glob("corpusmill-jobs/*/*.out"))
    assert printed[0] == "curate" and printed[-1] == "survivors"


def test_jobs_need_a_folder_for_what_they_print(cluster: Path, bucket: Network, lines: Path, tmp_path: Path) -> None:
    slurm_run = SlurmRun(tmp_path, RECIPE, lines, out="s3://crawl/run")
    (tmp_path / "corpusmill-jobs").touch()
    refused = slurm_run("--quiet")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert "corpusmill-jobs" in refused.stderr and "submit from a folder" in refused.stderr
    assert not queue()
