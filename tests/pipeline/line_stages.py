"""Stages of a package that is not ours, as a recipe names them by `package.module:Class`.

The source reads text files line by line, so that tests of the engine need no crawl.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from stages.base import Filter, InputFile, Rule, Source, SourceBatch, Split, Transform
from stages.documents import SOURCE_REJECT_SCHEMA, TEXT_SCHEMA


class Lines(Source):
    """One document a line; lines that begin with `bad` are quarantined, at one that begins with `lethal` it dies."""

    name: ClassVar[str] = "lines"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)

    def output_schema(self) -> pa.Schema:
        return TEXT_SCHEMA

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        starts = range(0, file.size, target_bytes)
        return [Split(file.name, start, min(start + target_bytes, file.size), target_bytes) for start in starts]

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        data = path.read_bytes()
        rows, offset = [], 0
        for line in data.splitlines(keepends=True):
            if split.start <= offset < split.end:
                rows.append((offset, line.decode().rstrip("\n")))
            offset += len(line)
        for first in range(0, len(rows), max(1, batch_bytes // 4096)):
            yield self._batch(split.file, rows[first : first + max(1, batch_bytes // 4096)])

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        line = file.path.read_bytes()[offset:].split(b"\n", 1)[0].decode()
        return self._batch(file.name, [(offset, line)])

    def _batch(self, file: str, rows: list[tuple[int, str]]) -> SourceBatch:
        if any(line.startswith("lethal") for _, line in rows):
            os.abort()

        def row(offset: int) -> dict:
            return {"file": file, "offset": offset, "ordinal": 0, "id": f"{file}@{offset}", "source": "lines"}

        good = [{**row(offset), "text": line} for offset, line in rows if not line.startswith("bad")]
        bad = [
            {**row(offset), "outcome": "quarantined", "error": "line begins with bad"}
            for offset, line in rows
            if line.startswith("bad")
        ]
        return SourceBatch(
            pa.RecordBatch.from_pylist(good, schema=TEXT_SCHEMA),
            pa.RecordBatch.from_pylist(bad, schema=SOURCE_REJECT_SCHEMA),
        )


class Length(Filter):
    """Measures the length of the text and drops what is shorter than `least`."""

    name: ClassVar[str] = "length"
    measurements: ClassVar[dict[str, str]] = {"length_characters": "characters of the text"}
    least: int = 3

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        lengths = pc.utf8_length(batch.column("text")).cast(pa.int64())
        return batch.append_column("length_characters", lengths)

    def rules(self) -> list[Rule]:
        return [Rule("length_short", f"length_characters < {self.least}")]


class Fragile(Transform):
    """Reports an error for texts with `error` and raises for texts with `raise`."""

    name: ClassVar[str] = "fragile"

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = batch.column("text").to_pylist()
        if any("raise" in text for text in texts):
            raise ValueError("cannot bear this text")
        errors = ["text says error" if "error" in text else None for text in texts]
        return batch.append_column("error", pa.array(errors, pa.string()))


class Counted(Fragile):
    """Like Fragile, and counts what it bears."""

    name: ClassVar[str] = "counted"
    summed: ClassVar[tuple[str, ...]] = ("counted_texts",)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        batch = super().__call__(batch)
        return batch.append_column("counted_texts", pa.array([1] * batch.num_rows, pa.int64()))


class Deadly(Transform):
    """Ends its process, without an exception, for texts with `abort`."""

    name: ClassVar[str] = "deadly"

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if any("abort" in text for text in batch.column("text").to_pylist()):
            os.abort()
        return batch


class Greedy(Transform):
    """Over a text with `sleep` sleeps for GREEDY_SECONDS, over one with `hoard` holds 600 MB meanwhile."""

    name: ClassVar[str] = "greedy"

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for text in batch.column("text").to_pylist():
            hoard = b"x" * 600_000_000 if "hoard" in text else b""
            if hoard or "sleep" in text:
                time.sleep(float(os.environ.get("GREEDY_SECONDS", "0")))
        return batch


class Flaky(Transform):
    """Fails over a text with `flaky` as a machine does, as often as there are files in the folder FLAKY_FAILURES."""

    name: ClassVar[str] = "flaky"

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if any("flaky" in text for text in batch.column("text").to_pylist()):
            for failure in sorted(Path(os.environ["FLAKY_FAILURES"]).iterdir()):
                failure.unlink()
                raise OSError(int(failure.suffix[1:]), os.strerror(int(failure.suffix[1:])))
        return batch


class Compiling(Transform):
    """Compiles a function for each batch with rows, as kernels are compiled on their first run on a machine."""

    name: ClassVar[str] = "compiling"

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not batch.num_rows:
            return batch
        import numba

        import stages.sources.jsonl_kernel  # noqa: F401  # because of any kernel of ours, numba is listened to

        numba.njit(lambda number: number + 1)(batch.num_rows)
        return batch


class Broken(Transform):
    """Has an error in its code, whatever the text."""

    name: ClassVar[str] = "broken"

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.num_rows:
            raise ValueError("nothing fits")
        return batch


class Wandering(Transform):
    """Leaves the working directory."""

    name: ClassVar[str] = "wandering"

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        os.chdir("/")
        return batch
