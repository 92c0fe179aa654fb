"""Matching and clustering of many documents of a few words: 50,000,000 documents by 14 band keys.

    python -m benchmarks.band_keys [--documents 50000000] [--parts 50] [--verify none] [--scratch FOLDER]

The recipe is a source of made-up texts and the stage minhash_dedup with 14 bands of one row, all its phases on local
workers. Its shingles are single words, so that a document's keys are the minima of its few words. A fifth of
the documents belong to groups of five on average (Poisson): three words of the group and one of their own, so two of
them have the Jaccard similarity 0.6 and share each key with that probability. A fiftieth share one word of two, as
documents with the same boilerplate do: in every band half of them have the same key. The others are a word alone.

Printed are wall and CPU seconds, the most memory that a worker took and what all together can have taken, the most disk
that the run directory took while it ran (work files of all phases together), and each phase.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.dedup_growth import DiskUse, cpu_seconds, peak_memory_mb
from stages.base import InputFile, Source, SourceBatch, Split
from stages.documents import SOURCE_REJECT_SCHEMA, TEXT_SCHEMA
from stages.identity import mix
from stages.sources.rows import repeated

if TYPE_CHECKING:
    from pipeline import Recipe

BANDS = 14
GROUPED, GROUP_SIZE, CROWD = 0.2, 5, 0.02
_ROWS_AT_ONCE = 250_000
#: So that every file is a task.
_MANY_BYTES = 1 << 30


class NumbersSource(Source):
    """Made-up documents: a file says how many, its name which comes first."""

    name: ClassVar[str] = "numbers"
    suffixes: ClassVar[tuple[str, ...]] = (".numbers",)

    documents: int

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        return [Split(file.name, 0, file.size, _MANY_BYTES)]

    def output_schema(self) -> pa.Schema:
        return TEXT_SCHEMA

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        first, count = int(path.stem), int(path.read_text())
        for start in range(first, first + count, _ROWS_AT_ONCE):
            numbers = np.arange(start, min(start + _ROWS_AT_ONCE, first + count))
            number, text = pa.array(numbers), made_up_texts(numbers, self.documents)
            columns: dict[str, Any] = {
                name: pa.nulls(len(number), TEXT_SCHEMA.field(name).type) for name in TEXT_SCHEMA.names
            }
            columns |= {"file": repeated(split.file, len(number)), "source": repeated(self.name, len(number))}
            columns |= {"offset": number, "ordinal": pa.array(np.zeros(len(number), np.int32)), "text": text}
            columns["id"] = pc.cast(number, pa.string())
            documents = pa.RecordBatch.from_pydict(columns, schema=TEXT_SCHEMA)
            yield SourceBatch(documents, pa.RecordBatch.from_pylist([], SOURCE_REJECT_SCHEMA))


def made_up_texts(number: np.ndarray, documents: int) -> pa.Array:
    """Large strings: three words of its group and one of its own, the crowd's word and one of its own, or one alone."""
    kind = mix(number.astype(np.uint64), 1) / 2.0**64
    group = mix(number.astype(np.uint64), 2) % np.uint64(max(int(documents * GROUPED / GROUP_SIZE), 1))
    named, own = (pc.cast(pa.array(values), pa.string()) for values in (group, number))
    of_group = pc.binary_join_element_wise("a", named, " b", named, " c", named, " ", "")
    alone_or_crowd = pc.if_else(pa.array(kind > 1 - CROWD), "menu ", "")
    shared = pc.if_else(pa.array(kind < GROUPED), of_group, alone_or_crowd)
    return pc.binary_join_element_wise(shared, own, "").cast(pa.large_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=50_000_000)
    parser.add_argument("--parts", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--key-ranges", type=int, default=8)
    parser.add_argument("--verify", choices=["none", "signature", "jaccard"], default="none")
    parser.add_argument("--scratch", type=Path, help="where the run goes; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        numbers = write_numbers(options.documents, options.parts, Path(folder) / "numbers")
        parameters = {"verify": options.verify, "threshold": 0.5, "key_ranges": options.key_ranges}
        measure(options.documents, parameters, numbers, Path(folder) / "run", options.workers)


def write_numbers(documents: int, parts: int, folder: Path) -> Path:
    """An input of so many documents in files of about the same number."""
    folder.mkdir()
    edges = [documents * edge // parts for edge in range(parts + 1)]
    for first, end in pairwise(edges):
        (folder / f"{first:012d}.numbers").write_text(str(end - first))
    return folder


def synthetic_recipe(documents: int, **parameters: Any) -> Recipe:
    """Made-up documents in, those that are no duplicates out."""
    from pipeline import Recipe

    settings = {"unit": "words", "width": 1, "bands": BANDS, "rows": 1, **parameters}
    stages = [{"benchmarks.band_keys:NumbersSource": {"documents": documents}}, {"minhash_dedup": settings}]
    return Recipe.parse({"name": "band-keys", "stages": stages})


def measure(documents: int, parameters: dict[str, Any], numbers: Path, out: Path, workers: int) -> None:
    """Run all phases and print what they took."""
    from inspector.run_report import run_report
    from pipeline import run

    started = time.perf_counter()
    with DiskUse(out) as disk:
        run(synthetic_recipe(documents, **parameters), [numbers], out, executor="local", workers=workers, quiet=True)
    seconds = time.perf_counter() - started
    report = run_report(out)
    worker = max(phase["peak_memory_bytes"] for phase in report["phases"]) / 1e6
    together = workers * worker + peak_memory_mb()
    totals = report["totals"]
    print(f"{totals['read']:,} documents x {BANDS} keys: {totals['dropped']:,} removed")
    print(f"{seconds:,.0f} s, {cpu_seconds():,.0f} s of CPU, {disk.most / 1e9:,.1f} GB of disk at most")
    print(f"{worker:,.0f} MB a worker at most, {together:,.0f} MB for {workers} workers and the driver")
    for phase in report["phases"]:
        memory, written = f"{phase['peak_memory_bytes'] / 1e6:,.0f} MB", f"{phase['bytes_written'] / 1e9:,.2f} GB"
        print(f"  {phase['phase']:<28}{phase['tasks']:>5} tasks{phase['seconds']:>9.1f} s{memory:>12}{written:>12}")
    print(report["counters"])


if __name__ == "__main__":
    main()
