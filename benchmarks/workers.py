"""How busy one large file keeps two workers: parallel efficiency = seconds of one worker / (2 * seconds of two).

Makes one file of the given size, in a temporary folder, by repeating what is there: crawls (*.warc.gz) one after
another, or the texts of other files as JSON Lines. Curates it with one worker and with two, in turns, so that what
disturbs the machine hits both; a ratio is taken within a turn. Seconds are those of the whole command. `busy` is the
CPU time of the tasks of two workers over twice their wall time; peak memory is that of the worker that took most.

    python -m benchmarks.workers --in CRAWLS_OR_TEXTS --bytes 5GB [--turns 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

import yaml
from pydantic import ByteSize, TypeAdapter

from benchmarks.texts import read_texts
from pipeline.workspace import Workspace

FILTERS = [{"language": {"languages": ["en"]}}, "gopher"]
STAGES = {"warc.gz": ["warc", "extract_text", *FILTERS], "jsonl": ["jsonl", *FILTERS]}
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Measured:
    """One run: wall seconds of the command, CPU seconds of its tasks, and the most memory a worker took."""

    workers: int
    seconds: float
    cpu_seconds: float
    tasks: int
    rows: int
    peak_memory_bytes: int


@dataclass(frozen=True)
class Turn:
    """One worker and two on the same file, one after the other."""

    one: Measured
    two: Measured

    @property
    def efficiency(self) -> float:
        return self.one.seconds / (2 * self.two.seconds)

    @property
    def busy(self) -> float:
        return self.two.cpu_seconds / (2 * self.two.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="input", type=Path, required=True, help="a folder of crawls or texts, or a file")
    parser.add_argument("--bytes", default="1GB", help="size of the file that is made of it")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = repeated(arguments.input, TypeAdapter(ByteSize).validate_python(arguments.bytes), Path(folder))
        turns = []
        for number in range(arguments.turns):
            turns.append(Turn(*(curate(file, workers, Path(folder) / "run") for workers in (1, 2))))
            if not arguments.json:
                print(f"turn {number + 1}: {describe(turns[-1])}", flush=True)
        size = file.stat().st_size
    efficiencies = [turn.efficiency for turn in turns]
    spread = {"median": statistics.median(efficiencies), "min": min(efficiencies), "max": max(efficiencies)}
    peak = max(run.peak_memory_bytes for turn in turns for run in (turn.one, turn.two))
    if arguments.json:
        summary = {"name": "workers", "file_bytes": size, "efficiency": spread, "peak_memory_bytes": peak}
        print(json.dumps({**summary, "turns": [asdict(turn) for turn in turns]}, indent=1))
        return
    print(
        f"{file.name} of {size / 1e9:.2f} GB: parallel efficiency of two workers {spread['median']:.2f} "
        f"({spread['min']:.2f} to {spread['max']:.2f}), peak memory a worker {peak / 1e6:,.0f} MB"
    )


def describe(turn: Turn) -> str:
    return (
        f"one worker {turn.one.seconds:,.0f} s, two {turn.two.seconds:,.0f} s ({turn.two.tasks} tasks, "
        f"{turn.two.rows:,} rows): efficiency {turn.efficiency:.2f}, busy {turn.busy:.2f}"
    )


def repeated(source: Path, size: int, folder: Path) -> Path:
    """One file of about `size` bytes that holds the source again and again."""
    crawls = sorted(source.glob("*.warc.gz")) if source.is_dir() else [source] * source.name.endswith(".warc.gz")
    file = folder / f"repeated.{'warc.gz' if crawls else 'jsonl'}"
    written = 0
    with file.open("wb") as stream:
        for block in cycle(_blocks(source, crawls)):
            written += stream.write(block)
            if written >= size:
                return file
    sys.exit(f"{source}: holds nothing to repeat")


def _blocks(source: Path, crawls: list[Path]) -> Iterator[bytes]:
    if crawls:
        yield from (crawl.read_bytes() for crawl in crawls)
    else:
        yield from (json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n" for text in read_texts(source))


def curate(file: Path, workers: int, out: Path) -> Measured:
    """Run the recipe on the file, and take the run away."""
    recipe = out.with_suffix(".yaml")
    recipe.write_text(yaml.safe_dump({"name": "workers", "stages": STAGES[file.name.partition(".")[2]]}))
    command = [sys.executable, "-m", "corpusmill", "run", str(recipe), "--in", str(file), "--out", str(out)]
    started = time.perf_counter()
    finished = subprocess.run(
        [*command, "--workers", str(workers)], env={**os.environ, **ONE_THREAD}, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    if finished.returncode:
        sys.exit(f"the run with {workers} workers failed: {finished.stderr.strip().splitlines()[-1]}")
    workspace = Workspace(out)
    manifests = [found for phase in workspace.load_plan().phases for found in workspace.manifests(phase)]
    measured = Measured(
        workers=workers,
        seconds=seconds,
        cpu_seconds=sum(found.cpu_seconds for found in manifests),
        tasks=len(manifests),
        rows=sum(found.rows.read for found in manifests if found.rows),
        peak_memory_bytes=max(found.peak_memory_bytes for found in manifests),
    )
    shutil.rmtree(out)
    return measured


if __name__ == "__main__":
    main()
