"""The same recipe on every executor: whether documents, rejects, shards and the rest have the same bytes.

Runs it by `inline`, by `local` with one and two workers, on a Ray cluster of two nodes with a core each and, where
Slurm is installed and may be started (by root), on a Slurm cluster of two such nodes, all on this machine. Then it
compares the checksums of what was published with those of the first way. Exit status 1 if any differs. Seconds are
wall time, kernels compiled and models loaded included; they are no comparison of speed.

    python -m benchmarks.executors --in CRAWLS [--recipe fineweb]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.ray_cluster import ray_cluster
from benchmarks.slurm_cluster import slurm_cluster, why_impossible
from pipeline.checksums import FolderChecksum, differences, folder_checksums
from pipeline.tables import print_table

#: Tasks of a Slurm array: few, so that phases take several.
LARGEST_ARRAY = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="input", type=Path, required=True, help="a folder of crawls, or one")
    parser.add_argument("--recipe", default="fineweb", help="a recipe file, or a shipped recipe's name")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="executors-") as folder:
        sys.exit(compare(arguments.recipe, arguments.input, Path(folder)))


def compare(recipe: str, corpus: Path, folder: Path) -> int:
    """Run the recipe every way into a folder each, print the checksums and return the exit status."""
    checksums: dict[Path, list[FolderChecksum]] = {}

    def run(name: str, *options: str) -> None:
        out = folder / name
        seconds = _run(recipe, corpus, out, options)
        checksums[out] = folder_checksums(out)
        print(f"{name}: {seconds:.0f} s", file=sys.stderr)

    run("inline", "--executor", "inline")
    run("local-1", "--executor", "local", "--workers", "1")
    run("local-2", "--executor", "local", "--workers", "2")
    with ray_cluster():
        run("ray-2-nodes", "--executor", "ray")
    impossible = why_impossible()
    if impossible:
        print(f"slurm: left out, for {impossible}", file=sys.stderr)
    else:
        with slurm_cluster(LARGEST_ARRAY):
            run("slurm-2-nodes", "--executor", "slurm", "--wait")
    rows = [
        [f"{found.folder}/", out.name, f"{len(found.files):,}", f"{found.bytes:,}", found.sha256]
        for out, of_run in checksums.items()
        for found in of_run
    ]
    print_table(["folder", "executor", "files", "bytes", "sha256"], sorted(rows, key=lambda row: row[0]))
    lines = differences(list(checksums), list(checksums.values()))
    print("\n".join(lines) or f"all {len(checksums)} ways give the same bytes")
    return 1 if lines else 0


def _run(recipe: str, corpus: Path, out: Path, options: tuple[str, ...]) -> float:
    """Seconds that the run took; ends the benchmark when it fails."""
    command = [sys.executable, "-m", "corpusmill", "run", recipe, "--in", str(corpus), "--out", str(out), *options]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{out.name}: {done.stderr}")
    return time.monotonic() - started


if __name__ == "__main__":
    main()
