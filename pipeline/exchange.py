"""The Task that a step of an exchange is given (stages.base.Task), backed by a run directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.document_files import document_batches, document_schema
from pipeline.errors import RunError
from pipeline.plan import PlannedPhase
from pipeline.removals import removals_of
from pipeline.reporter import TaskReporter
from pipeline.task_inputs import TaskInputs
from pipeline.task_outputs import TaskOutputs
from stages.base import InputPart, Read, Upstream
from stages.bucket_file import write_bucket_file


class ExchangeTask:
    """Reads only what the phase declared, writes only the outputs that it named."""

    def __init__(
        self,
        phase: PlannedPhase,
        index: int,
        seed: int,
        inputs: TaskInputs,
        outputs: TaskOutputs,
        reporter: TaskReporter,
    ) -> None:
        assert phase.upstream is not None
        self.index, self.tasks, self.seed = index, phase.tasks, seed
        self.label: str = phase.labels[0]
        self.upstream: Upstream = phase.upstream
        self.fingerprint = phase.fingerprint
        self.counters: dict[str, int] = {}
        self._phase, self._inputs, self._outputs, self._reporter = phase, inputs, outputs, reporter

    def parts(self, output: str) -> Sequence[InputPart]:
        read = self._declared(output)
        return self._inputs.intact_parts(read.output, self.index if read.select == "same" else None)

    def documents(self, columns: Sequence[str] | None) -> Iterator[tuple[pa.Array, pa.RecordBatch]]:
        removed = removals_of(self.upstream, self._inputs, self.index)
        for part in self._document_parts():
            first_row = 0
            for batch in document_batches(part.path, columns):
                self._reporter.batch(batch.num_rows)
                rows = np.arange(first_row, first_row + batch.num_rows, dtype=np.uint32)
                first_row += batch.num_rows
                keep = removed.kept(rows)
                if not keep.all():
                    rows, batch = rows[keep], batch.filter(pa.array(keep))
                yield pa.array(rows), batch

    def document_columns(self) -> list[str]:
        parts = self._document_parts()
        return document_schema(parts[0].path).names if parts else []

    def bucket(self, output: str, bucket: int | None = None) -> Iterator[pa.RecordBatch]:
        read = self._declared(output)
        for batch in self._inputs.bucket(read.output, self.index if bucket is None else bucket):
            self._reporter.batch(batch.num_rows)
            yield batch

    @contextmanager
    def create(self, output: str, name: str) -> Iterator[Path]:
        with self._outputs.create(f"{self.label}.{output}", name) as path:
            yield path

    def write_buckets(self, output: str, table: pa.Table, buckets: Any, count: int) -> None:
        name = f"{self.label}.{output}"
        with self._outputs.create(name, f"{output}-{self.index:05d}.arrow", rows=table.num_rows) as path:
            write_bucket_file(path, table, np.asarray(buckets), count)

    def count(self, name: str, amount: int) -> None:
        self.counters[name] = self.counters.get(name, 0) + amount

    def _document_parts(self) -> list[InputPart]:
        return self._inputs.intact_parts(self._declared(self.upstream.documents).output, self.index)

    def _declared(self, output: str) -> Read:
        full = output if "." in output else f"{self.label}.{output}"
        for read in self._phase.reads:
            if read.output == full:
                return read
        raise RunError(f"{self._phase.name} reads '{full}' without having declared it")
