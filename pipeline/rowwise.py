"""Run one task of a row-wise phase: read batches, pass them through the fused stages, account for every row.

Memory is bounded by the batch bytes. After each stage the rows it could not process are quarantined, and
after each filter the rows that its rules drop are moved to the rejects with rule, expression and values.
A row whose processing raises is found by running its batch row by row, and is quarantined alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batches import ReadBatch, cluster_columns, source_batches, upstream_batches, with_cluster_columns
from pipeline.document_files import BETWEEN_PHASES, PUBLISHED, RowGroupWriter, document_schema
from pipeline.errors import RunError
from pipeline.guard import checked, guarded, no_rows, split_errors
from pipeline.manifest import RowPlace, Rows, SlowestBatch, StageAccount
from pipeline.plan import Plan, PlannedPhase, stages_of
from pipeline.rejects import Ending, RejectCollector, reject_schema
from pipeline.removals import removals_of
from pipeline.reporter import TaskReporter
from pipeline.task_inputs import TaskInputs
from pipeline.task_outputs import TaskOutputs
from stages.base import Filter, InputPart, Split, Transform
from stages.judge import Judge
from tokenizer.kernel_cache import seconds_compiling

#: The schemas before the first and after each stage of a phase, by its fingerprint, what it reads and the stages'
#: classes, which a notebook may define anew.
_probed: dict[tuple[Any, ...], list[pa.Schema]] = {}


@dataclass
class _Running:
    """Sums of one stage over the task's batches."""

    rows_in: int = 0
    rows_out: int = 0
    bytes_in: int = 0
    seconds: float = 0.0
    undecided: dict[str, int] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)

    def account(self, label: str) -> StageAccount:
        seconds = round(self.seconds, 6)
        return StageAccount(label, self.rows_in, self.rows_out, self.bytes_in, seconds, self.undecided, self.sums)


class RowwiseTask:
    """One task of a row-wise phase; `run` writes documents and rejects and gives the account."""

    def __init__(
        self,
        plan: Plan,
        phase: PlannedPhase,
        index: int,
        inputs: TaskInputs,
        outputs: TaskOutputs,
        reporter: TaskReporter,
        rehearse: int = 0,
    ) -> None:
        self._rehearse = rehearse
        self._verdicts = {(v.file, v.offset, v.ordinal): v.error for v in inputs.verdicts(phase, index)}
        self._file_numbers = {name: number for number, name in enumerate(plan.files, 1)}
        self._plan, self._phase, self._index = plan, phase, index
        self._inputs, self._outputs, self._reporter = inputs, outputs, reporter
        stages = stages_of(plan, phase)
        self._source_label = next(iter(stages)) if phase.splits else "read"
        self._transforms = {label: stage.for_task() for label, stage in stages.items() if isinstance(stage, Transform)}
        self._judges = {
            label: Judge(stage.rules()) for label, stage in self._transforms.items() if isinstance(stage, Filter)
        }
        self.rows = Rows()
        self.counters: Counter[str] = Counter()
        self.bytes_read = 0
        self.slowest: SlowestBatch | None = None
        #: What the phase goes through; None where it reads the corpus.
        self._upstream = None if phase.splits else phase.upstream
        removals = self._upstream.removals if self._upstream else ()
        self._removal_labels = [output.partition(".")[0] for output in removals]
        labels = (self._source_label, *self._removal_labels, *self._transforms)
        self._running = {label: _Running() for label in labels}

    def run(self) -> list[StageAccount]:
        """Process every batch; afterwards `rows` balances or RunError is raised."""
        schema = self._input_schema()
        if schema is not None:
            stage_schemas = self._stage_schemas(schema)
            documents = f"{self._phase.name}.documents"
            rejects = f"{self._phase.name}.rejects"
            # Clusters stand in the verdict's values, so that all of rejects/ has the same columns.
            clusters = [] if self._upstream is None else cluster_columns(self._upstream)
            reject_columns = reject_schema(stage_schemas, [field.name for field in clusters])
            part = f"part-{self._index:05d}{PUBLISHED if documents in self._phase.publishes else BETWEEN_PHASES}"
            ended_part = f"{self._phase.name}-{self._index:05d}{PUBLISHED}"
            with (
                self._outputs.row_groups(documents, part, stage_schemas[-1]) as kept,
                self._outputs.row_groups(rejects, ended_part, reject_columns) as ended,
            ):
                recipe = self._plan.recipe
                collector = RejectCollector(reject_columns, recipe.rejects, recipe.seed, ended)
                started = _work_clock()
                for batch in self._batches():
                    self._process(batch, kept, collector)
                    ended_at = _work_clock()
                    self._note_seconds(batch.rows, ended_at - started)
                    started = ended_at
        if not self.rows.balanced():
            raise RunError(f"{self._phase.name} task {self._index}: row account does not balance: {self.rows}")
        return [running.account(label) for label, running in self._running.items()]

    # ------------------------------------------------------------------------------------------ reading

    def _input_schema(self) -> pa.Schema | None:
        if self._phase.splits:
            return self._plan.recipe.source().output_schema()
        assert self._upstream is not None
        parts = self._parts()
        return with_cluster_columns(document_schema(parts[0].path), self._upstream) if parts else None

    def _batches(self) -> Iterator[ReadBatch]:
        """Every batch of the task; time spent reading goes to the source's account."""
        batches = self._all_batches()
        source = self._running[self._source_label]
        while True:
            started = _work_clock()
            batch = next(batches, None)
            source.seconds += _work_clock() - started
            if batch is None:
                return
            self._reporter.batch(batch.rows.num_rows + batch.ended.num_rows)
            yield batch

    def _all_batches(self) -> Iterator[ReadBatch]:
        if self._phase.splits:
            for split in self._phase.splits[self._index]:
                self.bytes_read += split.bytes
                yield from self._read_split(split)
        else:
            assert self._upstream is not None
            removals = removals_of(self._upstream, self._inputs, self._index)
            for part in self._parts():
                self.bytes_read += part.path.stat().st_size
                yield from upstream_batches(part, removals)

    def _read_split(self, split: Split) -> Iterator[ReadBatch]:
        """The split's batches. While the source works on one the driver knows the file, should it kill the process."""
        number = self._file_numbers[split.file]
        self._reporter.reading(number)
        for batch in source_batches(self._plan, split, self._source_label):
            self._reporter.reading(0)
            yield batch
            self._reporter.reading(number)
        self._reporter.reading(0)

    def _parts(self) -> list[InputPart]:
        assert self._upstream is not None
        return self._inputs.intact_parts(self._upstream.documents, self._index)

    # --------------------------------------------------------------------------------------- processing

    def _stage_schemas(self, schema: pa.Schema) -> list[pa.Schema]:
        """As `_probe`, which one task of the phase does for all of a process."""
        key = (self._phase.fingerprint, schema, *map(type, self._transforms.values()))
        if key not in _probed:
            _probed[key] = self._probe(schema)
        return _probed[key]

    def _probe(self, schema: pa.Schema) -> list[pa.Schema]:
        """Schemas before the first and after each stage, from running the stages on no rows at all."""
        batch, schemas = no_rows(schema), [schema]
        for label, stage in self._transforms.items():
            batch, _ = split_errors(checked(label, stage, batch))
            schemas.append(batch.schema)
            if label in self._judges:
                self._judges[label].check(batch.schema)
        return schemas

    def _process(self, read: ReadBatch, kept: RowGroupWriter, rejects: RejectCollector) -> None:
        self._account_read(read)
        self.counters.update(read.counters)
        self.rows.read += read.rows.num_rows + read.ended.num_rows
        self._end(read.ended, read.ended_positions, read.ended_verdict, rejects)
        batch, positions = self._apply_verdicts(read.rows, read.positions, rejects)
        if self._reporter.batch_ordinal == self._rehearse:
            self._rehearse_rows(batch)
        for label, stage in self._transforms.items():
            if batch.num_rows == 0:
                break
            running = self._running[label]
            started = _work_clock()
            running.rows_in += batch.num_rows
            running.bytes_in += _content_bytes(batch)
            batch, positions = self._run_stage(label, stage, batch, positions, rejects)
            for column in stage.summed if batch.num_rows else ():
                running.sums[column] = running.sums.get(column, 0) + (pc.sum(batch.column(column)).as_py() or 0)
            if label in self._judges and batch.num_rows:
                batch, positions = self._judge(label, batch, positions, rejects)
            running.rows_out += batch.num_rows
            running.seconds += _work_clock() - started
        if batch.num_rows:
            self.rows.kept += batch.num_rows
            kept.add(batch.cast(kept.schema) if batch.schema != kept.schema else batch)
        rejects.flush()

    def _apply_verdicts(
        self, batch: pa.RecordBatch, positions: np.ndarray, rejects: RejectCollector
    ) -> tuple[pa.RecordBatch, np.ndarray]:
        if not self._verdicts:
            return batch, positions
        errors = [self._verdicts.get(identity) for identity in _identities(batch)]
        condemned = np.array([error is not None for error in errors], dtype=bool)
        messages = [error for error in errors if error is not None]
        none = [None] * len(messages)
        verdict = Ending(self._source_label, "quarantined", none, none, none, messages)
        self._end(batch.filter(pa.array(condemned)), positions[condemned], verdict.columns(), rejects)
        return batch.filter(pa.array(~condemned)), positions[~condemned]

    def _rehearse_rows(self, batch: pa.RecordBatch) -> None:
        """Take the batch through the stages row by row, so that a row which kills the process is known."""
        for row, (file, offset, ordinal) in enumerate(_identities(batch)):
            self._reporter.row(self._file_numbers[file], offset, ordinal)
            alone = batch.slice(row, 1)
            for label, stage in self._transforms.items():
                alone, _ = guarded(label, stage, alone)
                if alone.num_rows == 0 or (label in self._judges and self._judges[label](alone).first[0] >= 0):
                    break
        self._reporter.rows_ended()

    def _note_seconds(self, batch: pa.RecordBatch, seconds: float) -> None:
        """Remember the batch if none took longer. Rows are looked at only then, so it costs next to nothing."""
        if batch.num_rows == 0 or (self.slowest is not None and seconds <= self.slowest.seconds):
            return
        sizes = pc.fill_null(pc.binary_length(_content(batch)), 0).to_numpy(zero_copy_only=False)
        places = (_place(batch, row, int(sizes[row])) for row in (0, int(sizes.argmax())))
        self.slowest = SlowestBatch(round(seconds, 6), batch.num_rows, *places)

    def _account_read(self, read: ReadBatch) -> None:
        """Rows that the source gave, or that each removal list left over."""
        rows = read.rows.num_rows + read.ended.num_rows
        reading = self._running[self._source_label]
        reading.rows_in += rows
        reading.bytes_in += _content_bytes(read.rows)
        ended = Counter(read.ended_verdict["stage"].to_pylist())
        for label in self._removal_labels:
            self._running[label].rows_in += rows
            rows -= ended[label]
            self._running[label].rows_out += rows
        reading.rows_out += rows - ended[self._source_label]

    def _run_stage(
        self, label: str, stage: Transform, batch: pa.RecordBatch, positions: np.ndarray, rejects: RejectCollector
    ) -> tuple[pa.RecordBatch, np.ndarray]:
        result, errors = guarded(label, stage, batch)
        if errors is None:
            return result, positions
        failed = np.array([error is not None for error in errors])
        messages = [f"{label}: {error}" for error in errors if error is not None]
        none = [None] * len(messages)
        verdict = Ending(label, "quarantined", none, none, none, messages)
        self._end(batch.filter(pa.array(failed)), positions[failed], verdict.columns(), rejects)
        return result, positions[~failed]

    def _judge(
        self, label: str, batch: pa.RecordBatch, positions: np.ndarray, rejects: RejectCollector
    ) -> tuple[pa.RecordBatch, np.ndarray]:
        judge = self._judges[label]
        verdicts = judge(batch)
        undecided = self._running[label].undecided
        for rule, nulls in zip(judge.rules, verdicts.nulls, strict=True):
            if nulls:
                undecided[rule.name] = undecided.get(rule.name, 0) + int(nulls)
        dropped = verdicts.first >= 0
        if not dropped.any():
            return batch, positions
        ended = batch.filter(pa.array(dropped))
        first = verdicts.first[dropped]
        failing = [judge.rules[index] for index in first]
        verdict = Ending(
            label,
            "dropped",
            [rule.name for rule in failing],
            [rule.drop_if for rule in failing],
            [judge.values(ended, row, rule) for row, rule in enumerate(first)],
            [None] * len(failing),
        )
        self._end(ended, positions[dropped], verdict.columns(), rejects)
        return batch.filter(pa.array(~dropped)), positions[~dropped]

    def _end(
        self, rows: pa.RecordBatch, positions: np.ndarray, verdict: dict[str, pa.Array], rejects: RejectCollector
    ) -> None:
        for outcome, rule in zip(verdict["outcome"].to_pylist(), verdict["rule"].to_pylist(), strict=True):
            if outcome == "quarantined":
                self.rows.quarantined += 1
            else:
                self.rows.dropped[rule] = self.rows.dropped.get(rule, 0) + 1
        rejects.add(rows, positions, verdict)


def _work_clock() -> float:
    """Seconds, less those of compiling kernels, which a machine does once and which say nothing of a stage's speed."""
    return time.perf_counter() - seconds_compiling()


def _identities(batch: pa.RecordBatch) -> list[tuple[str, int, int]]:
    columns = [batch.column(name).to_pylist() for name in ("file", "offset", "ordinal")]
    return list(zip(*columns, strict=True))


def _place(batch: pa.RecordBatch, row: int, size: int) -> RowPlace:
    file, offset, ordinal = _identities(batch.slice(row, 1))[0]
    return RowPlace(file, offset, ordinal, size)


def _content(batch: pa.RecordBatch) -> pa.Array:
    """The pages, or once they are extracted the texts."""
    return batch.column("html" if "html" in batch.schema.names else "text")


def _content_bytes(batch: pa.RecordBatch) -> int:
    return pc.sum(pc.binary_length(_content(batch))).as_py() or 0
