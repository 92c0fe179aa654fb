"""What all tasks of a plan would cost, from a sample's splits run one by one and run packed as tasks are.

Split by split (`units`) shows how splits differ, and so how far the sample may be off; packed (`packed`) shows what
tasks of the run's own size cost, for small files compress worse and small batches run slower.

    first phase     totals of the splits (ratio.py), times what packing changed; what a split costs whatever it
                    holds (cutting.py) times the run's own number of splits
    documents       less what deduplication removes (duplicates.py)
    later phases    grow as the bytes that they read; what removals leave out of it is left out
    one task alone  grows between not at all (a vocabulary that is full) and a little faster than its input (sorting);
                    distinct words, for one, grow as a power of the text between a half and one (Heaps' law)
    every task      what a task without input costs, times the plan's own number of tasks; what every task reads
                    whole (a tokenizer) makes that grow
    bucket files    a frame for every bucket and task, which the sample has few of
    every process   what the first task of a new process costs more, times the workers

CPU seconds of the same work differ between a quiet machine and a busy one; they are widened by `CLOCK` each way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.estimate.documents import DocumentModel
from pipeline.estimate.interval import Interval, total
from pipeline.estimate.measure import MeasuredPhase, Measurement, by_part
from pipeline.estimate.ratio import ratio_total
from pipeline.estimate.sample import Sample
from pipeline.estimate.schedule import makespan
from pipeline.plan import Plan, PlannedPhase

#: Shared caches, threads and clock rates make the same work take so many times longer or shorter. A choice, not a law:
#: three runs of one phase on a shared machine of two cores took 9.3, 10.2 and 12.5 CPU seconds, 3 of them start-up, so
#: the work itself differed by about 1.5 times.
CLOCK = 1.5
#: A task alone grows as its input to a power between these: not at all where results saturate (a vocabulary).
SLOWEST_GROWTH, USUAL_GROWTH, FASTEST_GROWTH = 0.0, 0.5, 1.1
#: Other neighbours in a file compress otherwise.
COMPRESSION = 1.1
#: Bytes that are written of a removed document at most: its pairs in all bands, its place and its survivor's.
DUPLICATE_BYTES = 400
#: Bytes of a batch's frame in a bucket file: every task writes one for each bucket that it has rows for.
BUCKET_FRAME = 700
#: Bytes that a task holds for each byte that it reads, at most: the tokenizer's training does (docs/scaling.md).
MOST_HELD = 30
#: Memory that a full task may take over what the sample's took, for other documents in its batches.
MEMORY_MARGIN = 1.25


@dataclass(frozen=True)
class PhaseEstimate:
    """One phase of the run: documents that are left after it, and what it costs."""

    name: str
    tasks: int
    documents: Interval
    core_seconds: Interval
    wall_seconds: Interval
    peak_memory_bytes: Interval
    intermediate_bytes: Interval
    output_bytes: Interval


class CostModel:
    """Goes through the phases of a plan in order; every output's bytes are known when a later phase reads it."""

    def __init__(
        self, plan: Plan, sample: Sample, units: Measurement, packed: Measurement, split_seconds: Interval, workers: int
    ) -> None:
        self._plan, self._sample, self._workers = plan, sample, workers
        self._units, self._packed, self._split_seconds = units, packed, split_seconds
        self._documents = DocumentModel(plan, sample, units)
        self._bytes: dict[str, Interval] = {}
        self._lists = units.clusters.keys()

    def phases(self) -> list[PhaseEstimate]:
        """The estimates in the order of the plan."""
        return [self._phase(phase) for phase in self._plan.phases]

    def _phase(self, phase: PlannedPhase) -> PhaseEstimate:
        measured = self._packed.phases[phase.name]
        work, written = self._first(phase) if phase.splits else self._later(phase)
        if phase.step is None and not phase.splits:
            written = self._parted(phase, total(list(written.values())))
        self._bytes.update(written)
        steady = (work + self._task_seconds(phase)).widened(1 / CLOCK, CLOCK)
        start = self._start_seconds(phase)
        processes = min(self._workers, phase.tasks)
        core = steady + Interval(start.low, start.value * processes, start.high * processes)
        longest = self._wall(phase, work.value, measured) * measured.wall_ratio + start.value
        wall = Interval(longest / CLOCK, longest, longest)
        if core.value > 0:
            wall = Interval(longest * core.low / core.value, longest, longest * core.high / core.value * CLOCK)
        published = total([size for output, size in written.items() if output in phase.publishes])
        kept_aside = total([size for output, size in written.items() if output not in phase.publishes])
        return PhaseEstimate(
            name=phase.name,
            tasks=phase.tasks,
            documents=self._documents.after(phase),
            core_seconds=core,
            wall_seconds=wall,
            peak_memory_bytes=self._memory(phase),
            intermediate_bytes=kept_aside,
            output_bytes=published,
        )

    def _first(self, phase: PlannedPhase) -> tuple[Interval, dict[str, Interval]]:
        """CPU seconds and bytes of the phase that reads the corpus."""
        units, packed = self._units.phases[phase.name], self._packed.phases[phase.name]
        work = self._total(units.work) * self._work_by_bytes(packed.work).over(float(units.work.sum()))
        work += self._split_seconds.scaled(sum(len(task) for task in phase.splits))
        written = {}
        for output in phase.outputs:
            change = _change(packed.outputs[output], units.outputs[output])
            size = self._total(units.outputs[output]) * self._packing(change)
            written[output] = size.widened(1 / COMPRESSION, COMPRESSION)
        return work, written

    def _work_by_bytes(self, work: np.ndarray) -> Interval:
        """The sample's work less what its splits cost whatever they hold."""
        seconds, cut = float(work.sum()), self._split_seconds.scaled(len(self._sample.splits))
        return Interval(seconds - cut.high, seconds - cut.value, seconds - cut.low).at_least(0.0)

    def _later(self, phase: PlannedPhase) -> tuple[Interval, dict[str, Interval]]:
        """CPU seconds and bytes of a phase that reads what others wrote."""
        measured = self._packed.phases[phase.name]
        growth = self._input_growth(phase)
        work = self._grown(phase, float(measured.work.sum()), measured.task_seconds, growth)
        wrote = max(sum(float(sizes.sum()) for sizes in measured.outputs.values()), 1.0)
        written = {}
        for output in phase.outputs:
            size = float(measured.outputs[output].sum())
            each = measured.task_bytes * size / wrote
            grown = self._grown(phase, max(size - each * measured.tasks, 0.0), each, self._living(phase, growth))
            written[output] = grown + Interval.exactly(each * phase.tasks) + self._frames(phase, output)
            written[output] += self._duplicates(phase, growth)
        return work, written

    def _input_growth(self, phase: PlannedPhase) -> Interval:
        """How much more a phase reads than the sample's did: its documents, else its buckets, else all it reads."""
        for select in ("same", "bucket", "all"):
            reads = [read.output for read in phase.reads if read.select == select]
            if reads:
                break
        growth = total([self._bytes[name] for name in reads]).over(sum(self._packed.bytes(name) for name in reads))
        if phase.tasks > 1:
            return growth
        usual = growth.value**USUAL_GROWTH
        return Interval(growth.low**SLOWEST_GROWTH, usual, max(growth.high, 1.0) ** FASTEST_GROWTH)

    def _grown(self, phase: PlannedPhase, variable: float, each: float, growth: Interval) -> Interval:
        """What varies with the input, grown, beside `each` for every task.

        Of a phase that gathers, all that its cheapest task did may vary too, or be less with more tasks.
        """
        grown = growth.scaled(variable)
        tasks = self._packed.phases[phase.name].tasks
        if by_part(phase) or not each:
            return grown
        sampled, fixed = variable + each * tasks, each * phase.tasks
        highest = max(grown.high, growth.high * sampled - fixed)
        middle = (grown.value + max(growth.value * sampled - fixed, 0.0)) / 2
        return Interval(min(grown.low, growth.low * sampled - fixed, sampled - fixed), middle, highest)

    def _task_seconds(self, phase: PlannedPhase) -> Interval:
        """What all tasks pay whatever they read, more if what each reads whole is larger than the sample's."""
        fixed = Interval.exactly(self._packed.phases[phase.name].task_seconds * phase.tasks)
        whole = [read.output for read in phase.reads if read.select == "all"]
        if not whole or phase.tasks == 1:
            return fixed
        growth = total([self._bytes[name] for name in whole]).over(sum(self._packed.bytes(name) for name in whole))
        return fixed * Interval(1.0, max(growth.value, 1.0) ** 0.5, max(growth.value, 1.0))

    def _frames(self, phase: PlannedPhase, output: str) -> Interval:
        """Bytes that rows in many buckets take beyond those of the sample's few."""
        readers = [
            later
            for later in self._plan.phases
            if any(read.output == output and read.select == "bucket" for read in later.reads)
        ]
        buckets = max((reader.tasks for reader in readers), default=0)
        sampled = [self._packed.plan.phase(reader.name).tasks for reader in readers]
        rows = self._documents.after(phase).high / phase.tasks
        more = phase.tasks * min(buckets, rows) - max(sampled, default=0)
        most = BUCKET_FRAME * max(more, 0.0)
        return Interval(0.0, most / 2, most)

    def _parted(self, phase: PlannedPhase, written: Interval) -> dict[str, Interval]:
        """Bytes of a later row-wise phase: documents that stay, and the rest as rejects."""
        assert phase.upstream is not None
        before = self._documents.standing(phase.upstream.documents, ()).left
        kept = self._documents.after(phase).over(before.value).at_most(1.0)
        ended = Interval(1 - kept.high, 1 - kept.value, 1 - kept.low)
        return {
            output: (written * share).widened(1 / COMPRESSION, COMPRESSION)
            for output, share in zip(phase.outputs, (kept, ended), strict=True)
        }

    def _living(self, phase: PlannedPhase, growth: Interval) -> Interval:
        """Growth of what an exchange's phase writes: documents that were removed are read and written no further."""
        assert phase.upstream is not None
        if phase.step is None or not by_part(phase):
            return growth
        documents = phase.upstream.documents
        before = self._documents.standing(documents, ())
        now = self._documents.standing(documents, phase.upstream.removals)
        sampled = now.sampled_left / max(before.sampled_left, 1.0)
        share = now.left.over(max(before.left.value, 1.0)).over(sampled).at_most(1.0)
        return Interval(growth.low * share.low, growth.value * share.value, growth.high)

    def _duplicates(self, phase: PlannedPhase, growth: Interval) -> Interval:
        """Bytes that an exchange which removes may write of duplicates beyond the growth of its input."""
        assert phase.upstream is not None
        if by_part(phase):
            return Interval.exactly(0.0)
        written = tuple(name for name in self._lists if name.partition(".")[0] == phase.labels[0])
        if not written:
            return Interval.exactly(0.0)
        after = self._documents.standing(phase.upstream.documents, (*phase.upstream.removals, *written))
        more = max(after.gone.high - growth.low * after.sampled_gone, 0.0)
        return Interval(0.0, 0.0, more * DUPLICATE_BYTES)

    def _total(self, values: np.ndarray) -> Interval:
        return ratio_total(self._sample.by_stratum(values), self._sample.corpus_bytes)

    def _packing(self, change: float) -> Interval:
        """By what packing into tasks changes bytes; where the sample fills no whole task, further on at most."""
        tasks = self._packed.phases[self._plan.phases[0].name].tasks
        split, task = self._sample.bytes / len(self._sample.splits), self._sample.bytes / tasks
        full = self._sample.corpus_bytes / self._plan.phases[0].tasks
        if change >= 1 or task <= split or full <= task:
            return Interval.exactly(change)
        further = change ** (np.log(full / split) / np.log(task / split))
        return Interval(float(further), float((change * further) ** 0.5), change)

    def _start_seconds(self, phase: PlannedPhase) -> Interval:
        """What a new process pays in the phase, as seen once or twice."""
        seen = [run.phases[phase.name].start_seconds for run in (self._units, self._packed) if phase.name in run.phases]
        return Interval(min(seen) / CLOCK, sum(seen) / len(seen), max(seen) * CLOCK)

    def _wall(self, phase: PlannedPhase, work: float, measured: MeasuredPhase) -> float:
        """Tasks of a phase in order on the workers; those of the corpus by their bytes, others alike."""
        shares = [1.0] * phase.tasks
        if by_part(phase):
            shares = [float(sum(split.bytes for split in task)) for task in self._plan.phases[0].splits]
        whole = max(sum(shares), 1.0)
        return makespan((measured.task_seconds + work * share / whole for share in shares), self._workers)

    def _memory(self, phase: PlannedPhase) -> Interval:
        """The worker's memory, and how much more a task takes that reads more: a batch, or all of its input."""
        measured = self._packed.phases[phase.name]
        base = min(found.peak_memory for found in self._packed.phases.values())
        taken = max(measured.peak_memory, self._packed.phases[self._plan.phases[0].name].peak_memory)
        here, full = (size / tasks for size, tasks in self._task_bytes(phase))
        if phase.step is None:
            here, full = (min(size, self._plan.recipe.batch_bytes) for size in (here, full))
        # What a sample's task took beyond that are libraries and models, which no larger task loads again.
        held = min(max(taken - base, 0), MOST_HELD * here)
        grown = taken + held * max(full / max(here, 1.0) - 1, 0.0)
        return Interval(taken / MEMORY_MARGIN, grown, grown * MEMORY_MARGIN)

    def _task_bytes(self, phase: PlannedPhase) -> tuple[tuple[float, int], tuple[float, int]]:
        """Bytes that the phase reads and its tasks: in the sample, and in the run."""
        measured = self._packed.phases[phase.name]
        if phase.splits:
            return (float(self._sample.bytes), measured.tasks), (float(self._sample.corpus_bytes), phase.tasks)
        reads = [read.output for read in phase.reads]
        here, full = sum(self._packed.bytes(name) for name in reads), total([self._bytes[name] for name in reads]).value
        return (here, measured.tasks), (full, phase.tasks)


def _change(packed: np.ndarray, units: np.ndarray) -> float:
    """How many times more or less the same splits came to when they were packed."""
    return float(packed.sum() / units.sum()) if units.sum() > 0 else 1.0
