"""How near-deduplication grows with the corpus: seconds, memory a worker and disk, on local workers.

    python -m benchmarks.near_duplicates --in ../shared/data/text --in ../shared/data/wet --out plain
    python -m benchmarks.near_duplicates --in ../shared/data/text --in ../shared/data/wet --out shared --boilerplate 0.1
    python -m benchmarks.dedup_growth --in plain --in shared [--documents 125000 --documents 250000 ...] [--workers 2]

Each size is a whole run of the recipe, from documents to documents, in a process of its own, over the first files of
the corpus. Printed are wall seconds and CPU seconds (of the driver and all workers), the latter also by phase with
`--phases`; the most memory that a worker and the driver took, the most disk that the run directory took while it ran
(looked at twice a second, hard links counted once), and how the planted pairs fared: the share of those of Jaccard 0.8
and more, alone in their cluster, of which one was removed, and how many documents went that have no such twin.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.dedup import ids_of_run
from benchmarks.near_duplicates import DOCUMENTS_A_FILE
from benchmarks.planted import Planted, as_kept, recall

SIZES = (125_000, 250_000, 500_000, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="corpora", type=Path, action="append", required=True, help="may be repeated")
    parser.add_argument("--documents", type=int, action="append", help=f"multiples of {DOCUMENTS_A_FILE:,}")
    parser.add_argument("--recipe", default="minhash", help="name or file")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scratch", type=Path, help="where the runs go; a temporary folder by default")
    parser.add_argument("--phases", action="store_true", help="also print each phase")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = options.documents or SIZES
    if options.measure:
        print(json.dumps(measure(options.recipe, options.corpora[0], sizes[0], options.workers, options.scratch)))
        return
    for corpus in options.corpora:
        print(f"{corpus.name}, {options.workers} workers")
        heads = ("documents", "seconds", "CPU s", "us each", "MB worker", "MB driver", "MB disk", "recall", "no twin")
        print("".join(f"{head:>11}" for head in heads))
        for documents in sizes:
            result = in_its_own_process(corpus, documents, options)
            each = result["cpu_seconds"] / documents * 1e6
            values = [f"{documents:,}", f"{result['seconds']:.1f}", f"{result['cpu_seconds']:.1f}", f"{each:.0f}"]
            values += [f"{result[name]:,.0f}" for name in ("worker_mb", "driver_mb", "disk_mb")]
            values += [f"{result['recall']:.4f}", f"{result['removed_without_twin']:,}"]
            print("".join(f"{value:>11}" for value in values), flush=True)
            for phase in result["phases"] if options.phases else []:
                memory = f"{phase['peak_memory_bytes'] / 1e6:,.0f} MB"
                print(f"{'':13}{phase['phase']:<24}{phase['tasks']:>5} tasks{phase['seconds']:>9.1f} s{memory:>12}")


def in_its_own_process(corpus: Path, documents: int, options: argparse.Namespace) -> dict[str, Any]:
    """What `measure` finds in a fresh process and an empty folder, which goes afterwards."""
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        this = [sys.executable, "-m", "benchmarks.dedup_growth", "--measure", "--recipe", options.recipe]
        what = ["--in", str(corpus), "--documents", str(documents), "--workers", str(options.workers)]
        done = subprocess.run([*this, *what, "--scratch", folder], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(recipe: str, corpus: Path, documents: int, workers: int, scratch: Path) -> dict[str, Any]:
    """Run the recipe on the first documents of the corpus."""
    from inspector.run_report import run_report
    from pipeline import Recipe, run

    if documents % DOCUMENTS_A_FILE:
        sys.exit(f"--documents {documents}: files hold {DOCUMENTS_A_FILE:,} documents each; give a multiple")
    files = sorted(corpus.glob("*.jsonl.zst"))[: documents // DOCUMENTS_A_FILE]
    out = scratch / "run"
    started, cpu = time.perf_counter(), cpu_seconds()
    with DiskUse(out) as disk:
        run(Recipe.load(recipe), files, out, executor="local", workers=workers, quiet=True)
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    report = run_report(out)
    if report["totals"]["read"] != documents:
        sys.exit(f"{corpus}: holds {report['totals']['read']:,} documents, not {documents:,}; make a larger one")
    planted, kept = Planted.load(corpus, documents), as_kept(ids_of_run(out), documents)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "worker_mb": max(phase["peak_memory_bytes"] for phase in report["phases"]) / 1e6,
        "driver_mb": peak_memory_mb(),
        "disk_mb": disk.most / 1e6,
        "recall": recall(planted.found(kept)),
        "removed_without_twin": planted.without_twin(kept),
        "phases": report["phases"],
    }


class DiskUse:
    """The most bytes that a folder took while the block ran."""

    def __init__(self, folder: Path) -> None:
        self.most = 0
        self._folder, self._ended = folder, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> DiskUse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        last = False
        while not last:
            last = self._ended.wait(0.5)
            self.most = max(self.most, _bytes_on_disk(self._folder))


def _bytes_on_disk(folder: Path) -> int:
    """Bytes of all files below, those of several names once; a file that goes meanwhile is left out."""
    sizes: dict[int, int] = {}
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found = Path(place, name).lstat()
            except FileNotFoundError:
                continue
            sizes[found.st_ino] = found.st_blocks * 512
    return sum(sizes.values())


def peak_memory_mb() -> float:
    """The most that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def cpu_seconds() -> float:
    """Of this process and of all that have ended below it."""
    uses = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


if __name__ == "__main__":
    main()
