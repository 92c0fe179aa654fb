"""WARC to filtered, signed documents: MB of HTML a second on one core, with nothing dropped early.

The stages are those of the recipe fineweb up to the signatures. Every filter measures every page but no threshold
drops one, so that each stage carries the whole load. The recipe runs in a process of its own for each crawl and run,
all libraries held to one thread, after 50 pages that are not counted (they load the kernels and the language model).
Its rate is that of all tasks of the phases that curate and sign (matching and what follows is `benchmarks.dedup`'s),
and beside it stands the rate of reading and extracting alone, from the same run's own account.

    python -m benchmarks.curate --in CRAWLS [--runs 3] [--json]

Where `make peers` has installed datatrove, its pipeline of the same steps (benchmarks/datatrove_pipeline.py) runs in
turn with ours over WARC files of the records that both sides make documents of, at most `--pages` of each crawl.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RECIPE = {
    "name": "curate-benchmark",
    "rejects": "no_text",
    "stages": [
        "warc",
        "extract_text",
        {"language": {"languages": None, "min_score": 0.0}},
        {"gopher": {}},
        "exact_dedup",
        "minhash_dedup",
    ],
}
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
READ_AND_EXTRACT = ("warc", "extract_text")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="input", type=Path, required=True, help="a folder of WARC files, or one")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        print(json.dumps(measure(arguments.measure)))
        return
    crawls = sorted(arguments.input.glob("*.warc.gz")) if arguments.input.is_dir() else [arguments.input]
    if not crawls:
        sys.exit(f"{arguments.input}: holds no .warc.gz file")
    one_run(crawls[0])  # compiles kernels and warms the page cache
    results = {crawl.name: summary([one_run(crawl) for _ in range(arguments.runs)]) for crawl in crawls}
    if arguments.json:
        print(json.dumps(as_object(results), indent=1))
        return
    print(f"{'crawl':<34}{'pages':>7}{'MB HTML':>9}{'MB/s':>8}{'read+extract MB/s':>19}{'share':>8}  (min-max)")
    for name, row in results.items():
        share = f"{row['share']['median']:.0%}"
        spread = f"({row['share']['min']:.0%}-{row['share']['max']:.0%})"
        rates = f"{row['megabytes_per_second']:>8.1f}{row['read_and_extract']:>19.1f}"
        print(f"{name:<34}{row['documents']:>7}{row['bytes'] / 1e6:>9.1f}{rates}{share:>8}  {spread}")


def one_run(crawl: Path) -> dict[str, float]:
    """Run the recipe on one crawl in a fresh process and return its figures."""
    command = [sys.executable, "-m", "benchmarks.curate", "--in", str(crawl), "--measure", str(crawl)]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def measure(crawl: Path) -> dict[str, float]:
    """Pages, bytes of HTML, seconds of all tasks, and those of reading and extracting among them."""
    import pyarrow as pa

    from inspector.run_report import run_report
    from pipeline import Recipe, run

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    recipe = Recipe.parse(without_thresholds(RECIPE))
    with tempfile.TemporaryDirectory() as folder:
        run(recipe, [crawl], Path(folder) / "warm", executor="inline", quiet=True, limit=50)
        out = Path(folder) / "run"
        run(recipe, [crawl], out, executor="inline", quiet=True)
        report = run_report(out)
    stages = {step["stage"]: step for step in report["funnel"]}
    read = sum(stages[label]["seconds"] for label in READ_AND_EXTRACT)
    return {
        "documents": stages["warc"]["rows_out"],
        "bytes": stages["warc"]["bytes_in"],
        "seconds": sum(phase["seconds"] for phase in report["phases"]),
        "read_and_extract_seconds": read,
        "peak_mb": max(phase["peak_memory_bytes"] for phase in report["phases"]) / 1e6,
    }


def without_thresholds(recipe: dict) -> dict:
    """The recipe with every nullable threshold of gopher off: all is measured, nothing is dropped."""
    from stages.catalogue import stage_class

    fields = stage_class("gopher").model_fields
    off = {name: None for name, field in fields.items() if type(None) in getattr(field.annotation, "__args__", ())}
    return {**recipe, "stages": [{"gopher": off} if stage == {"gopher": {}} else stage for stage in recipe["stages"]]}


def summary(runs: list[dict[str, float]]) -> dict:
    """Medians over the runs, and the share of the read-and-extract rate with its spread."""
    shares = [run["read_and_extract_seconds"] / run["seconds"] for run in runs]
    first = runs[0]
    return {
        "documents": first["documents"],
        "bytes": first["bytes"],
        "megabytes_per_second": first["bytes"] / 1e6 / statistics.median(run["seconds"] for run in runs),
        "documents_per_second": first["documents"] / statistics.median(run["seconds"] for run in runs),
        "read_and_extract": first["bytes"]
        / 1e6
        / statistics.median(max(run["read_and_extract_seconds"], 1e-9) for run in runs),
        "share": {"median": statistics.median(shares), "min": min(shares), "max": max(shares)},
        "peak_mb": max(run["peak_mb"] for run in runs),
    }


def as_object(results: dict[str, dict]) -> dict:
    """The object that every benchmark prints with --json; each crawl's figures stand under `crawls`."""
    documents = sum(row["documents"] for row in results.values())
    size = sum(row["bytes"] for row in results.values())
    seconds = sum(row["bytes"] / 1e6 / row["megabytes_per_second"] for row in results.values() if row["bytes"])
    return {
        "name": "curate",
        "input": {"documents": documents, "bytes": size},
        "ours": {
            "documents_per_second": documents / seconds,
            "megabytes_per_second": size / 1e6 / seconds,
            "peak_mb": max(row["peak_mb"] for row in results.values()),
        },
        "peers": {},
        "crawls": results,
    }


if __name__ == "__main__":
    main()
