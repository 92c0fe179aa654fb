"""Matching and clustering alone, of signatures that are made up: 50,000,000 documents without texts.

    python -m benchmarks.band_keys [--documents 50000000] [--parts 50] [--verify none] [--scratch FOLDER]

The recipe is a source of numbers and the stage minhash_dedup itself, with all its phases, on local workers; only its
signatures are not computed from a text but from the document's number: one value for each of 14 bands. A fifth of the
documents belong to groups of five on average (Poisson) and have their group's value in each band with probability
0.8, else one of their own; a fiftieth share one value of the first band, as documents with the same boilerplate do.

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
from stages.minhash.signatures import Signatures
from stages.minhash.stage import MinhashDedup
from stages.sources.rows import repeated

if TYPE_CHECKING:
    from pipeline import Recipe

BANDS = 14
GROUPED, GROUP_SIZE, SAME_VALUE, CROWD = 0.2, 5, 0.8, 0.02
_ROWS_AT_ONCE = 250_000
#: So that every file is a task.
_MANY_BYTES = 1 << 30


class NumbersSource(Source):
    """Documents whose texts are numbers: a file says how many, its name which comes first."""

    name: ClassVar[str] = "numbers"
    suffixes: ClassVar[tuple[str, ...]] = (".numbers",)

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        return [Split(file.name, 0, file.size, _MANY_BYTES)]

    def output_schema(self) -> pa.Schema:
        return TEXT_SCHEMA

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        first, count = int(path.stem), int(path.read_text())
        for start in range(first, first + count, _ROWS_AT_ONCE):
            number = pa.array(np.arange(start, min(start + _ROWS_AT_ONCE, first + count)))
            text = pc.cast(number, pa.large_string())
            columns: dict[str, Any] = {
                name: pa.nulls(len(number), TEXT_SCHEMA.field(name).type) for name in TEXT_SCHEMA.names
            }
            columns |= {"file": repeated(split.file, len(number)), "source": repeated(self.name, len(number))}
            columns |= {"offset": number, "ordinal": pa.array(np.zeros(len(number), np.int32)), "text": text}
            columns["id"] = pc.cast(number, pa.string())
            documents = pa.RecordBatch.from_pydict(columns, schema=TEXT_SCHEMA)
            yield SourceBatch(documents, pa.RecordBatch.from_pylist([], SOURCE_REJECT_SCHEMA))


class SyntheticDedup(MinhashDedup):
    """minhash_dedup with signatures made of numbers."""

    name: ClassVar[str] = "synthetic_dedup"
    documents: int

    def _signatures(self, texts: pa.Array) -> Signatures:
        number = pc.cast(texts, pa.uint64()).to_numpy()
        return Signatures(synthetic_values(number, self.documents), np.ones(len(number), dtype=np.int64))


def synthetic_values(number: np.ndarray, documents: int) -> np.ndarray:
    """uint64[numbers, BANDS]: documents of the same value in a band are candidates."""
    band = np.arange(BANDS, dtype=np.uint64)
    kind = _fraction(mix(number, 1))
    group = mix(number, 2) % np.uint64(max(int(documents * GROUPED / GROUP_SIZE), 1))
    own = mix(number[:, None] * np.uint64(BANDS) + band, 3)
    of_group = mix(group[:, None] * np.uint64(BANDS) + band, 4)
    values = np.where((kind[:, None] < GROUPED) & (_fraction(mix(own, 5)) < SAME_VALUE), of_group, own)
    values[kind > 1 - CROWD, 0] = 0
    return values


def _fraction(values: np.ndarray) -> np.ndarray:
    return values / 2.0**64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=50_000_000)
    parser.add_argument("--parts", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--key-ranges", type=int, default=8)
    parser.add_argument("--verify", choices=["none", "signature"], default="none")
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
    """Numbers in, numbers that are no duplicates out."""
    from pipeline import Recipe

    settings = {"documents": documents, "bands": BANDS, "rows": 1, **parameters}
    stages = ["benchmarks.band_keys:NumbersSource", {"benchmarks.band_keys:SyntheticDedup": settings}]
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
