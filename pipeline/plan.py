"""A plan is data: phases, their task counts, what they read and publish, all fixed before anything runs.

A recipe compiles to row-wise phases (the stages between two exchanges, fused into one pass) and to the
phases that its exchanges ask for. Task counts follow from the recipe and the input listing alone; how
many rows or files a task gives is a result and never part of the plan.

Before a plan is given, the columns that its stages need are checked (pipeline.column_check), so that a stage
in the wrong place is refused at once and not by the first batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from pipeline.errors import RecipeError
from pipeline.files import atomic_path
from pipeline.fingerprint import component, digest, without_parameters
from pipeline.guard import blaming
from pipeline.inputs import Input, ListedFile, list_inputs
from pipeline.recipe import Recipe
from stages.base import Exchange, Read, Split, Stage, StageError, Upstream

PLAN_FORMAT = 2
LARGEST_TASK = 256_000_000
SMALLEST_TASK = 4_000_000


@dataclass(frozen=True)
class PlannedPhase:
    """One phase. Row-wise phases have `labels` of fused stages; exchange phases one label and a `step`."""

    name: str
    labels: tuple[str, ...]
    step: str | None
    tasks: int
    reads: tuple[Read, ...]
    outputs: tuple[str, ...]
    publishes: dict[str, str]
    upstream: Upstream | None
    #: What the fingerprint is made of, apart from the phases read and without what the phase ignores: shown when a
    #: change reruns it.
    components: dict[str, dict[str, Any]]
    fingerprint: str
    #: Task -> splits, for the phase that reads the corpus.
    splits: tuple[tuple[Split, ...], ...] = ()
    #: Parameters of its stage that an exchange phase does not depend on.
    ignores: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Name of the phase's folder below RUN/work."""
        return f"{self.name}-{self.fingerprint[:12]}"


@dataclass(frozen=True)
class Plan:
    """Recipe, input listing and phases in the order in which they can run."""

    recipe: Recipe
    files: dict[str, ListedFile]
    phases: tuple[PlannedPhase, ...]
    limit: int | None = None
    format: int = field(default=PLAN_FORMAT)

    def phase(self, name: str) -> PlannedPhase:
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise RecipeError(f"the plan has no phase '{name}'; it has {', '.join(p.name for p in self.phases)}")

    def producer(self, output: str) -> PlannedPhase:
        """The phase that writes an output, by the output's full name."""
        for phase in self.phases:
            if output in phase.outputs:
                return phase
        raise RecipeError(f"no phase of the plan writes '{output}'")

    def save(self, path: Path) -> None:
        """Write the plan as JSON, a file or task a line, so that no second copy of a long plan is ever in memory."""
        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            stream.write(f'{{"format": {self.format}, "limit": {_json(self.limit)},\n')
            stream.write(f'"recipe": {_json(self.recipe.to_data())},\n"files": ')
            _write_rows(stream, (asdict(file) for file in self.files.values()))
            stream.write(',\n"phases": [')
            for number, phase in enumerate(self.phases):
                stream.write(f'{"," if number else ""}\n{{"splits": ')
                _write_rows(stream, ([asdict(split) for split in task] for task in phase.splits))
                for key, value in asdict(replace(phase, splits=())).items():
                    if key != "splits":
                        stream.write(f",\n{_json(key)}: {_json(value)}")
                stream.write("}")
            stream.write("]}\n")

    @classmethod
    def load(cls, path: Path) -> Plan:
        try:
            data = json.loads(path.read_text("utf-8"))
            if data["format"] != PLAN_FORMAT:
                raise RecipeError(f"{path}: plan format {data['format']} is not {PLAN_FORMAT}; run the recipe again")
            return cls(
                recipe=Recipe.of_plan(data["recipe"], origin=str(path)),
                files={file["name"]: ListedFile(**file) for file in data["files"]},
                phases=tuple(_phase_from_json(phase) for phase in data["phases"]),
                limit=data["limit"],
            )
        except FileNotFoundError:
            raise RecipeError(f"{path.parent}: not a run directory (no {path.name})") from None
        except (ValueError, KeyError, TypeError) as error:
            raise RecipeError(f"{path}: damaged plan ({error}); run the recipe again") from error


def compile_plan(recipe: Recipe, inputs: Sequence[Input], limit: int | None = None) -> Plan:
    """List the inputs, cut and pack their splits, and turn stages into phases.

    Raises RecipeError when an input, an asset, the order of stages or the columns that they need are wrong.
    """
    from pipeline.column_check import check_columns

    files = {file.name: file for file in list_inputs(inputs, recipe.source())}
    try:
        plan = plan_tasks(recipe, files, _splits(recipe, files, limit), limit)
        check_columns(plan)
        return plan
    except StageError as error:
        raise RecipeError(str(error)) from error


def plan_tasks(
    recipe: Recipe, files: dict[str, ListedFile], tasks: tuple[tuple[Split, ...], ...], limit: int | None = None
) -> Plan:
    """The plan of a listing that is already cut into tasks. Touches no input, and checks no column."""
    return _Compiler(recipe, files, tasks).compile(limit)


def cut(recipe: Recipe, files: Iterable[ListedFile], target_bytes: int) -> list[Split]:
    """The source's splits of about `target_bytes`, in identity order."""
    with blaming(next(iter(recipe.stages))):
        return [split for file in files for split in recipe.source().splits(file.input_file(), target_bytes)]


def _splits(recipe: Recipe, files: dict[str, ListedFile], limit: int | None) -> tuple[tuple[Split, ...], ...]:
    target = task_size(recipe, sum(file.size for file in files.values()))
    splits = cut(recipe, files.values(), target)
    if limit is not None:
        with blaming(next(iter(recipe.stages))):
            splits = _first_rows(recipe, files, splits, limit)
    return pack(splits, target)


def task_size(recipe: Recipe, total_bytes: int) -> int:
    """Bytes of input a task: as the recipe says, else a power of two that gives small corpora 16 tasks or more.

    Powers of two, so that a corpus that grows a little keeps its tasks and with them their results.
    """
    if recipe.task_bytes != "auto":
        return int(recipe.task_bytes)
    wanted = max(total_bytes // 32, 1)
    return max(SMALLEST_TASK, min(LARGEST_TASK, 1 << (wanted.bit_length() - 1)))


def pack(splits: Sequence[Split], target_bytes: int) -> tuple[tuple[Split, ...], ...]:
    """Group consecutive splits into tasks of about `target_bytes`, keeping identity order."""
    tasks: list[tuple[Split, ...]] = []
    current: list[Split] = []
    size = 0
    for split in splits:
        if current and size + split.bytes > target_bytes:
            tasks.append(tuple(current))
            current, size = [], 0
        current.append(split)
        size += split.bytes
    if current:
        tasks.append(tuple(current))
    return tuple(tasks)


def _first_rows(recipe: Recipe, files: dict[str, ListedFile], splits: Sequence[Split], limit: int) -> list[Split]:
    source = recipe.source()
    chosen: list[Split] = []
    left = limit
    for split in splits:
        if left <= 0:
            break
        rows = source.count(split, files[split.file].path, left)
        if rows:
            chosen.append(replace(split, rows=rows))
            left -= rows
    return chosen


class _Compiler:
    def __init__(self, recipe: Recipe, files: dict[str, ListedFile], splits: tuple[tuple[Split, ...], ...]) -> None:
        self.recipe, self.files, self.splits = recipe, files, splits
        self.phases: list[PlannedPhase] = []
        self.upstream: Upstream | None = None

    def compile(self, limit: int | None) -> Plan:
        pending: list[str] = []
        settled = ""
        for label, stage in self.recipe.stages.items():
            if not isinstance(stage, Exchange):
                pending.append(label)
            if settled and not (isinstance(stage, Exchange) and stage.materialised):
                raise RecipeError(f"stage '{label}' would change documents after '{settled}' used them; move it before")
            if isinstance(stage, Exchange):
                if stage.materialised:
                    settled = label
                pending = self._close_rowwise(pending, stage.materialised)
                self._add_exchange(label, stage)
        self._close_rowwise(pending, materialise=True)
        self._publish_documents()
        return Plan(self.recipe, self.files, tuple(self.phases), limit)

    def _close_rowwise(self, labels: list[str], materialise: bool) -> list[str]:
        removals_open = self.upstream is not None and bool(self.upstream.removals)
        if not labels and not (materialise and removals_open):
            return []
        first = self.upstream is None
        number = sum(phase.step is None for phase in self.phases)
        name = "curate" if first else "survivors" if number == 1 else f"survivors-{number}"
        tasks = len(self.splits) if self.upstream is None else self.upstream.tasks
        reads = () if self.upstream is None else self.upstream.reads()
        settings = {"rejects": {"stage": "rejects", "parameters": self.recipe.rejects.model_dump()}}
        stages = {label: self.recipe.stages[label] for label in labels}
        components = {label: _component(label, stage) for label, stage in stages.items()} | settings
        outputs = (f"{name}.documents", f"{name}.rejects")
        self.phases.append(
            PlannedPhase(
                name=name,
                labels=tuple(labels),
                step=None,
                tasks=tasks,
                reads=reads,
                outputs=outputs,
                publishes={outputs[1]: "rejects"},
                upstream=self.upstream,
                components=components,
                fingerprint=self._fingerprint(components, reads),
                splits=self.splits if first else (),
            )
        )
        tokenizer = self.upstream.tokenizer if self.upstream else None
        self.upstream = Upstream(documents=outputs[0], tasks=tasks, tokenizer=tokenizer)
        return []

    def _add_exchange(self, label: str, stage: Exchange) -> None:
        assert self.upstream is not None
        with blaming(label):
            phases, after = stage.phases(label, self.upstream, self.recipe.seed)
        seed = {"seed": {"stage": "seed", "parameters": {"seed": self.recipe.seed}}}
        components = {label: _component(label, stage), **seed}
        for phase in phases:
            counted = {label: without_parameters(components[label], phase.ignores), **seed}
            self.phases.append(
                PlannedPhase(
                    name=f"{label}.{phase.step}",
                    labels=(label,),
                    step=phase.step,
                    tasks=phase.tasks,
                    reads=phase.reads,
                    outputs=tuple(f"{label}.{output}" for output in phase.outputs),
                    publishes={f"{label}.{output}": folder for output, folder in phase.publishes.items()},
                    upstream=self.upstream,
                    components=components,
                    fingerprint=self._fingerprint({"step": {"step": phase.step}, **counted}, phase.reads),
                    ignores=phase.ignores,
                )
            )
        self.upstream = after

    def _fingerprint(self, components: dict[str, dict[str, Any]], reads: Sequence[Read]) -> str:
        producers = {read.output: self._producer(read.output).fingerprint for read in reads}
        return digest({"plan": PLAN_FORMAT, "components": list(components.items()), "reads": producers})

    def _producer(self, output: str) -> PlannedPhase:
        return next(phase for phase in self.phases if output in phase.outputs)

    def _publish_documents(self) -> None:
        last = max(index for index, phase in enumerate(self.phases) if phase.step is None)
        phase = self.phases[last]
        self.phases[last] = replace(phase, publishes={**phase.publishes, phase.outputs[0]: "documents"})


def _component(label: str, stage: Stage) -> dict[str, Any]:
    with blaming(label):
        return component(stage)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _write_rows(stream: TextIO, rows: Iterable[Any]) -> None:
    stream.write("[")
    for number, row in enumerate(rows):
        stream.write(f"{',' if number else ''}\n{_json(row)}")
    stream.write("]")


def _upstream_from_json(data: dict[str, Any]) -> Upstream:
    return Upstream(**{**data, "removals": tuple(data["removals"]), "clustered": tuple(data["clustered"])})


def _phase_from_json(data: dict[str, Any]) -> PlannedPhase:
    upstream = data["upstream"]
    return PlannedPhase(
        **{
            **data,
            "labels": tuple(data["labels"]),
            "outputs": tuple(data["outputs"]),
            "ignores": tuple(data.get("ignores", ())),
            "reads": tuple(Read(**read) for read in data["reads"]),
            "upstream": upstream and _upstream_from_json(upstream),
            "splits": tuple(tuple(Split(**split) for split in task) for task in data["splits"]),
        }
    )


def stages_of(plan: Plan, phase: PlannedPhase) -> dict[str, Stage]:
    """The phase's stages by label, in recipe order."""
    return {label: plan.recipe.stages[label] for label in phase.labels}


def stage_of_step(plan: Plan, phase: PlannedPhase) -> Stage:
    """The stage of an exchange phase as its step sees it: with the defaults of the parameters that it ignores."""
    (stage,) = stages_of(plan, phase).values()
    return stage.with_defaults(phase.ignores)
