"""What a plan would cost on many workers: list scheduling of its tasks at measured rates, with attempts that fail.

N workers take the tasks of each phase one by one, phase after phase, as executors do. An attempt fails with a given
probability, after half of its time on average, and is made again.

A phase that goes through parts of the corpus costs what the measured run paid for the same
(pipeline/estimate/measure.py), grown as the bytes that it reads, and what every task pays whatever it reads. Of a phase
that gathers, a small run shows fixed costs alone, so `GATHERING` says what a byte costs. Every file that a task opens
costs `OPENING`: bucket files hold what every task of one phase has for every task of another, so they are opened tasks
times tasks often, their index is read each time, and each bucket in them takes a frame.

A crawl of everything keeps less than a chosen one: `kept` is the share of the measured corpus's documents by which the
first phase's are cut down.

Bytes grow as their phase's input, apart from outputs that saturate (`SATURATING`). Cost: one heap operation a task.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.estimate.measure import Measurement, by_part
from pipeline.estimate.schedule import makespan
from pipeline.inputs import ListedFile
from pipeline.plan import Plan, PlannedPhase, cut, pack, plan_tasks, task_size
from pipeline.recipe import Recipe

#: CPU seconds for each byte that a phase gathers, measured on 1,000,000 documents of 100 words, 300,000 of them copies.
GATHERING = {
    "exact_dedup.match": 2e-8,
    "minhash_dedup.match": 5e-9,
    "train_tokenizer.train": 4e-7,
    "write_shards.shuffle": 1.4e-8,
}
#: Seconds to look up, open and check one file on shared storage; a local disk takes a tenth.
OPENING = 0.001
#: Bytes that a bucket takes in a bucket file beside its rows, and those of them that every reader of the file reads.
FRAME, INDEX = 700, 32
#: Outputs of a task that grow as a power of what it reads: distinct words (Heaps' law), a full vocabulary, shards that
#: are filled before the next is begun.
SATURATING = {"train_tokenizer.word_counts": 0.6, "train_tokenizer.tokenizer": 0.0, "write_shards.entries": 0.0}


@dataclass(frozen=True)
class SimulatedPhase:
    """What a phase came to. `disk_bytes`: published or read by a later phase, so kept when this one is complete."""

    name: str
    tasks: int
    core_hours: float
    wall_hours: float
    failed_attempts: int
    read_bytes: float
    largest_task_bytes: float
    written_bytes: float
    files: int
    files_opened: int
    disk_bytes: float


def synthetic_plan(recipe: Recipe, files: int, file_bytes: int) -> Plan:
    """The plan of so many WARC files of a size, which need not exist."""
    names = (f"segment-{number // 1000:03d}/{number:06d}.warc.gz" for number in range(files))
    listed = {name: ListedFile(name, f"/{name}", file_bytes, "none:") for name in names}
    target = task_size(recipe, files * file_bytes)
    return plan_tasks(recipe, listed, pack(cut(recipe, listed.values(), target), target))


class Simulation:
    """Goes through the phases of a plan in order; every output's bytes are known when a later phase reads it."""

    def __init__(
        self, plan: Plan, measured: Measurement, workers: int, failures: float, kept: float = 1.0, seed: int = 0
    ) -> None:
        self._plan, self._measured, self._workers, self._failures = plan, measured, workers, failures
        self._kept, self._chance = kept, random.Random(seed)
        self._written: dict[str, float] = {}

    def phases(self) -> list[SimulatedPhase]:
        """The phases in the order of the plan."""
        return [self._phase(phase) for phase in self._plan.phases]

    def _phase(self, phase: PlannedPhase) -> SimulatedPhase:
        here = self._measured.phases[phase.name]
        read = self._input_bytes(phase)
        growth = read / self._measured_input_bytes(phase)
        shares = self._shares(phase)
        opened = sum(self._opened(phase).values())
        fixed = here.task_seconds + OPENING * opened / phase.tasks
        work = GATHERING[phase.name] * read if phase.name in GATHERING else float(here.work.sum()) * growth
        took, failed = self._with_repeats(fixed + work * share for share in shares)
        for output in phase.outputs:
            self._written[output] = self._grown(phase, output, growth) + FRAME * phase.tasks * self._buckets(output)
        index = sum(INDEX * self._buckets(output) * times for output, times in self._opened(phase).items())
        return SimulatedPhase(
            name=phase.name,
            tasks=phase.tasks,
            core_hours=sum(took) / 3600,
            wall_hours=makespan(took, self._workers) / 3600,
            failed_attempts=failed,
            read_bytes=read + index,
            largest_task_bytes=read * max(shares) + index / phase.tasks,
            written_bytes=sum(self._written[output] for output in phase.outputs),
            files=phase.tasks * (len(phase.outputs) + 2),  # and a manifest and a log
            files_opened=opened,
            disk_bytes=self._disk_bytes(phase),
        )

    def _input_bytes(self, phase: PlannedPhase) -> float:
        if phase.splits:
            return float(sum(split.bytes for task in phase.splits for split in task))
        return sum(self._written[output] for output in _divided(phase))

    def _measured_input_bytes(self, phase: PlannedPhase) -> float:
        if phase.splits:
            tasks = self._measured.plan.phases[0].splits
            return float(sum(split.bytes for task in tasks for split in task))
        return max(sum(self._measured.bytes(output) for output in _divided(phase)), 1.0)

    def _grown(self, phase: PlannedPhase, output: str, growth: float) -> float:
        """Bytes of an output of all tasks, where a task reads more and there are more tasks."""
        if phase.splits and output == phase.outputs[0]:
            growth *= self._kept
        more_tasks = phase.tasks / self._measured.phases[phase.name].tasks
        return self._measured.bytes(output) * more_tasks * (growth / more_tasks) ** SATURATING.get(output, 1.0)

    def _opened(self, phase: PlannedPhase) -> dict[str, int]:
        """How often the phase's tasks open a file of each output that they read."""
        files = {read.output: self._plan.producer(read.output).tasks for read in phase.reads}
        return {read.output: phase.tasks * (1 if read.select == "same" else files[read.output]) for read in phase.reads}

    def _buckets(self, output: str) -> int:
        """Buckets of each file of an output: as many as tasks read one of their own; none of other files."""
        reads = ((phase.tasks, read) for phase in self._plan.phases for read in phase.reads)
        return max((tasks for tasks, read in reads if (read.output, read.select) == (output, "bucket")), default=0)

    def _shares(self, phase: PlannedPhase) -> list[float]:
        """Each task's share of what the phase reads: that of its splits in the corpus, or alike."""
        if not by_part(phase):
            return [1 / phase.tasks] * phase.tasks
        sizes = [float(sum(split.bytes for split in task)) for task in self._plan.phases[0].splits]
        whole = sum(sizes)
        return [size / whole for size in sizes]

    def _with_repeats(self, seconds: Iterable[float]) -> tuple[list[float], int]:
        """Seconds of each task with its failed attempts, and how many failed."""
        took, failed = [], 0
        for duration in seconds:
            spent = duration
            while self._chance.random() < self._failures:
                spent += duration * self._chance.random()
                failed += 1
            took.append(spent)
        return took, failed

    def _disk_bytes(self, phase: PlannedPhase) -> float:
        number = self._plan.phases.index(phase) + 1
        needed = {read.output for later in self._plan.phases[number:] for read in later.reads}
        published = {output for earlier in self._plan.phases[:number] for output in earlier.publishes}
        return sum(size for output, size in self._written.items() if output in needed | published)


def _divided(phase: PlannedPhase) -> list[str]:
    """The outputs that the phase's tasks divide among them: the documents, else buckets, else all that it reads."""
    for select in ("same", "bucket", "all"):
        outputs = [read.output for read in phase.reads if read.select == select]
        if outputs:
            return outputs
    return []
