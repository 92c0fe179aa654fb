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
from typing import TYPE_CHECKING

from benchmarks.paired import compare, peers_python

if TYPE_CHECKING:
    from pipeline import Recipe

#: Phases that read, judge, hash and sign; the others match and rewrite what is left.
COUNTED = ("curate", "minhash_dedup.sign", "exact_dedup.keys")
#: Signatures come first here, so that no page is left out of them as an exact duplicate.
SIGNING = ("minhash_dedup", "exact_dedup")
ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
READ_AND_EXTRACT = ("warc", "extract_text")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="input", type=Path, required=True, help="a folder of WARC files, or one")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pages", type=int, default=100, help="pages of each crawl to compare with datatrove")
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
    peers = compare_with_datatrove(crawls, arguments.pages, arguments.runs)
    if arguments.json:
        print(json.dumps(as_object(results) | {"peers": peers}, indent=1))
        return
    print(f"{'crawl':<34}{'pages':>7}{'MB HTML':>9}{'MB/s':>8}{'read+extract MB/s':>19}{'share':>8}  (min-max)")
    for name, row in results.items():
        share = f"{row['share']['median']:.0%}"
        spread = f"({row['share']['min']:.0%}-{row['share']['max']:.0%})"
        rates = f"{row['megabytes_per_second']:>8.1f}{row['read_and_extract']:>19.1f}"
        print(f"{name:<34}{row['documents']:>7}{row['bytes'] / 1e6:>9.1f}{rates}{share:>8}  {spread}")
    for peer, rates in peers.items():
        ratio = rates["ratio"]
        print(
            f"{peer}: {rates['documents_per_second']} documents/s on {rates['documents']} documents; "
            f"ours is {ratio['median']} times as fast ({ratio['min']} to {ratio['max']})"
        )


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
    from pipeline import run

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    recipe = curation_without_thresholds()
    with tempfile.TemporaryDirectory() as folder:
        run(recipe, [crawl], Path(folder) / "warm", executor="inline", quiet=True, limit=50)
        out = Path(folder) / "run"
        run(recipe, [crawl], out, executor="inline", quiet=True)
        report = run_report(out)
    stages = {step["stage"]: step for step in report["funnel"]}
    phases = [phase for phase in report["phases"] if phase["phase"] in COUNTED]
    read = sum(stages[label]["seconds"] for label in READ_AND_EXTRACT)
    return {
        "documents": stages["warc"]["rows_out"],
        "bytes": stages["warc"]["bytes_in"],
        "seconds": sum(phase["seconds"] for phase in phases),
        "read_and_extract_seconds": read,
        "peak_mb": max(phase["peak_memory_bytes"] for phase in phases) / 1e6,
    }


def curation_without_thresholds() -> Recipe:
    """The recipe fineweb up to the signatures, every threshold off: all is measured and nothing is dropped."""
    from pipeline import Recipe
    from stages.base import Filter

    recipe = Recipe.load("fineweb")
    labels = list(recipe.stages)
    kept = [*labels[: min(map(labels.index, SIGNING))], *SIGNING]
    stages = {label: recipe.stages[label] for label in kept}
    for label, stage in stages.items():
        if isinstance(stage, Filter):
            fields = type(stage).model_fields
            optional = [
                name for name, field in fields.items() if type(None) in getattr(field.annotation, "__args__", ())
            ]
            switches = {name: False for name in fields if name.startswith("drop_")}
            stages[label] = type(stage)(**{**dict(stage), **dict.fromkeys(optional), **switches})
    return recipe.model_copy(update={"stages": stages})


def compare_with_datatrove(crawls: list[Path], pages: int, runs: int) -> dict:
    """Rates and ratio over records that both sides make documents of; empty where datatrove is not installed."""
    python = peers_python()
    if python is None:
        print("datatrove is left out: `make peers` builds its environment", file=sys.stderr)
        return {}
    from stages.fasttext.find import find_model

    with tempfile.TemporaryDirectory() as folder:
        common = Path(folder) / "common.warc.gz"
        theirs = [python, "-m", "benchmarks.datatrove_pipeline", "--model", str(find_model()), "--in"]
        write_common(crawls, theirs, pages, common)
        ours = [sys.executable, "-m", "benchmarks.curate", "--in", str(common), "--measure", str(common)]
        report = compare("curate", ours, {"datatrove": [*theirs, str(common)]}, runs)
    return {"datatrove": {"documents": report["input"]["documents"], **report["peers"]["datatrove"]}}


def write_common(crawls: list[Path], theirs: list[str], pages: int, target: Path) -> None:
    """A WARC file of the response records that datatrove makes documents of, evenly spread over each crawl."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with target.open("wb") as out:
        for crawl in crawls:
            listed = subprocess.run([*theirs, str(crawl), "--list"], capture_output=True, text=True, cwd=ROOT)
            if listed.returncode:
                print(f"{crawl.name}: datatrove fails: {listed.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                continue
            known = json.loads(listed.stdout.splitlines()[-1])
            wanted = set(known[:: max(len(known) // pages, 1)][:pages])
            data = crawl.read_bytes()
            starts = [
                (record.stream_pos, record.record_id, record.record_type == WarcRecordType.response)
                for record in ArchiveIterator(str(crawl), parse_http=False)
            ]
            ends = [start for start, _, _ in starts[1:]] + [len(data)]
            for (start, name, response), end in zip(starts, ends, strict=True):
                if response and name in wanted:
                    out.write(data[start:end])


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
        "crawls": results,
    }


if __name__ == "__main__":
    main()
