"""The contracts between a recipe's stages and the engine that runs them.

A stage is a pydantic model: its fields are its parameters, validated, documented and shown by
`corpusmill stages`. Five kinds exist, and the engine knows only these:

    Source      splits the input into ranges and reads each as record batches
    Transform   a row-wise pure function from record batch to record batch
    Filter      a Transform that measures, plus rules over the measurements
    Exchange    needs the whole corpus: adds phases of its own to the plan
    (a Sink is an Exchange whose last phase publishes something other than documents)

"Row-wise pure" is the promise everything rests on: how rows are batched never changes a row's result,
so any executor, worker count or split size gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import polars
    import pyarrow

    Frame = TypeVar("Frame", polars.DataFrame, pyarrow.Table, pyarrow.RecordBatch)


#: How much is read at a time where only the number of rows matters.
COUNT_BATCH_BYTES = 8 << 20


class StageError(Exception):
    """A stage was configured or fed in a way that the user must mend; the message says how."""

    exit_status = 2


class Stage(BaseModel):
    """One step of a recipe: parameters as fields, `version` raised by its author when results change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: ClassVar[str]
    version: ClassVar[int] = 1
    #: Packages whose major.minor version is part of the fingerprint because results depend on them.
    libraries: ClassVar[tuple[str, ...]] = ()

    def assets(self) -> dict[str, Path]:
        """Local files (models, lists) whose content is part of the fingerprint, by a stable name.

        Those that a field of type Path names need not be here; of one that names a folder, those that matter must.
        """
        return {}

    def with_defaults(self, names: Sequence[str]) -> Self:
        """The stage with some parameters at their defaults. TypeError for one that has none."""
        fields = type(self).model_fields
        values = {name: getattr(self, name) for name in fields}
        for name in names:
            field = fields[name]
            if field.is_required():
                raise TypeError(f"{type(self).__name__}.{name} has no default")
            values[name] = field.get_default(call_default_factory=True)
        return type(self).model_construct(**values)


# ---------------------------------------------------------------------------------------------- sources


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file found below an input root: `name` is its identity, `path` only where it lies today."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Split:
    """A range [start, end) of one file: bytes, or row groups for Parquet. `rows` caps what is read of it."""

    file: str
    start: int
    end: int
    bytes: int
    rows: int | None = None


class SourceBatch(NamedTuple):
    """What a source read: rows to go on with, and rows that end here (schemas in stages/documents.py).

    `counters` names and counts what else it met that is no row, for the account.
    """

    documents: pyarrow.RecordBatch
    rejects: pyarrow.RecordBatch
    counters: Mapping[str, int] = MappingProxyType({})


class Source(Stage):
    """Reads a corpus. Identity order (file, offset, ordinal) is the order of files, splits and rows."""

    #: File name endings this source accepts when an input is a folder.
    suffixes: ClassVar[tuple[str, ...]]

    def inputs(self) -> Sequence[str]:
        """What is read where no input is given: nothing, unless a parameter names the corpus."""
        return ()

    def choose(self, names: Sequence[str], read: Callable[[str], bytes]) -> Sequence[str]:
        """Which of the files below an input folder belong to the corpus: all, unless the folder itself says otherwise.

        `names` are those that end in `suffixes`. `read` gives a small file of the folder (a dataset card, say) by
        its name, and raises FileNotFoundError where there is none.
        """
        return names

    def splits(self, file: InputFile, target_bytes: int) -> list[Split]:
        """Cut one file into ranges of about `target_bytes` that can be read independently."""
        raise NotImplementedError

    def read(self, split: Split, path: Path, batch_bytes: int) -> Iterator[SourceBatch]:
        """Yield the split's rows in identity order, in batches of about `batch_bytes`.

        Every record of the range ends up in `documents` or in `rejects`; a damaged span is one reject, and so
        is a file of zero bytes. Raises StageError when the file is not what its name says.
        """
        raise NotImplementedError

    def output_schema(self) -> pyarrow.Schema:
        """Schema of the `documents` batches, the same for every file."""
        raise NotImplementedError

    def count(self, split: Split, path: Path, limit: int) -> int:
        """Number of rows (documents and rejects) of the split, counted no further than `limit`."""
        rows = 0
        for batch in self.read(split, path, COUNT_BATCH_BYTES):
            rows += batch.documents.num_rows + batch.rejects.num_rows
            if rows >= limit:
                return limit
        return rows

    def read_one(self, file: InputFile, offset: int, ordinal: int) -> SourceBatch:
        """Read again the one row with this identity; both batches are empty when there is none."""
        raise NotImplementedError

    def accepting(self, values: dict[str, Any]) -> Source:
        """The source as it would deliver a row that it dropped for these values; itself where it has no such rule."""
        return self


# ------------------------------------------------------------------------------------- row-wise stages


class Transform(Stage):
    """A row-wise pure function of a record batch: adds or changes columns, keeps every row in place.

    Before a task reads a row, the engine calls each of its stages once on a batch of no rows, to learn the
    columns that the stage gives. All of them must be there then, with their types: `pa.array([], pa.string())`,
    for `pa.array([])` has none. A stage that needs a column which is absent raises StageError naming itself,
    the column and the mend (stages.frames.needed_column), on that batch too: so stages in the wrong order
    are refused before anything is processed.

    A stage that declares `needs` as well as `measurements`, if only as empty, promises that it reads and adds no other
    columns; a plan then runs it on no rows only when a later stage depends on what it adds.

    A row that cannot be processed gets a message in the column `error` (string); the engine quarantines
    it with its place. Exceptions are for faults of the machine, not of a row.
    """

    #: Column name -> definition and unit, for every column that `__call__` adds.
    measurements: ClassVar[dict[str, str]] = {}
    #: Columns that `__call__` reads besides the identity of rows.
    needs: ClassVar[tuple[str, ...]] = ()
    #: Integer columns that it adds whose sums over all its rows reports show, kept and dropped ones alike.
    summed: ClassVar[tuple[str, ...]] = ()

    def __call__(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        raise NotImplementedError

    def columns_needed(self) -> tuple[str, ...]:
        """`needs`, and columns that parameters name besides."""
        return self.needs

    def for_task(self) -> Transform:
        """The stage as one task runs it: itself, or a new one where running leaves something behind in it."""
        return self

    def apply(self, frame: Frame) -> Frame:
        """Run on a polars or Arrow frame, for notebooks; the result has the type of what came in."""
        from stages.frames import apply_transform

        return apply_transform(self, frame)


class Rule(NamedTuple):
    """Drop a row when the polars SQL expression over measurements is true; null keeps it and is counted."""

    name: str
    drop_if: str


class Filter(Transform):
    """A rule group: one measuring pass (`__call__`), judged by named rules, first failing rule wins.

    The columns that rules read must be there when the pass is called on no rows (see Transform).
    """

    def rules(self) -> list[Rule]:
        raise NotImplementedError


# ------------------------------------------------------------------------------------------- exchanges


@dataclass(frozen=True)
class Read:
    """A published output that a phase reads, and which part of it each task gets.

    same    task i reads what task i of that phase wrote
    bucket  every task reads buckets of its own, of every file (stages/bucket_file.py)
    all     every task reads every file
    """

    output: str
    select: Literal["same", "bucket", "all"]


@dataclass(frozen=True)
class Phase:
    """One phase of an exchange: `tasks` calls of the stage's method `step`, each given a Task."""

    step: str
    tasks: int
    reads: tuple[Read, ...]
    outputs: tuple[str, ...]
    #: output -> name of the folder or file in the run directory to publish it as.
    publishes: dict[str, str] = field(default_factory=dict)
    #: Parameters that make no difference to the step, so that its results outlive a change of them. The step is called
    #: on the stage with their defaults: what it did depend on by mistake would be wrong at once and never out of date.
    ignores: tuple[str, ...] = ()


@dataclass(frozen=True)
class Upstream:
    """The documents as they stand before an exchange: parts written by one phase, less removal lists.

    `part, row` order is identity order, so "first by (part, row)" means "first by identity".
    """

    documents: str
    tasks: int
    removals: tuple[str, ...] = ()
    #: Those of `removals` that name clusters of duplicates, which documents/ then keep as columns.
    clustered: tuple[str, ...] = ()
    tokenizer: str | None = None

    def less(self, removals: str, clustered: bool) -> Upstream:
        """The documents without those that one more removal list names."""
        return replace(
            self,
            removals=(*self.removals, removals),
            clustered=(*self.clustered, removals) if clustered else self.clustered,
        )

    def reads(self) -> tuple[Read, ...]:
        """What a task that goes through part i of the documents, less removals, must declare."""
        return (Read(self.documents, "same"), *(Read(name, "bucket") for name in self.removals))


class Exchange(Stage):
    """Needs the whole corpus. Outputs are named `<label>.<output>`; the engine adds the label.

    An exchange that removes documents publishes a removal list (REMOVAL_SCHEMA in stages/documents.py) as a
    bucket file whose bucket is the part; later phases see the documents without those rows, and the
    next row-wise phase writes them to rejects/ with the rule named by the list.
    """

    #: Columns of the documents that it reads besides the identity of rows; a plan that lacks one is refused.
    needs: ClassVar[tuple[str, ...]] = ()
    #: Columns in which the documents of one cluster are equal: stages that read no others treat all of them alike.
    equal_in: ClassVar[tuple[str, ...]] = ()
    #: True when the exchange needs documents/ as finally written (removals applied, part and row final).
    materialised: ClassVar[bool] = False

    def columns_needed(self) -> tuple[str, ...]:
        """`needs`, and columns that parameters name besides."""
        return self.needs

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        """The phases to add to the plan, and the documents as they stand after them."""
        raise NotImplementedError

    def displaces_at_most(self) -> int | None:
        """How many documents that stay one more document can remove; it stays itself where it removes so many.

        A number also promises that a document which is no longer there brings back only documents of its own
        cluster. None where nobody can say. What `inspect --what-if` says beyond an exchange rests on this.
        """
        return None


class InputPart(NamedTuple):
    """One file that an earlier task wrote: its writer's task index, where it lies, sha256 and rows."""

    task: int
    path: Path
    sha256: str
    rows: int


class Task(Protocol):
    """What the engine hands to a step of an exchange: inputs, outputs, and nothing else."""

    #: Which task of how many this is, of the exchange with this label in the recipe.
    index: int
    tasks: int
    label: str
    seed: int
    #: The documents that the exchange was planned on.
    upstream: Upstream
    #: Identifies parameters, versions and inputs up to here; goes into what is published.
    fingerprint: str

    def parts(self, output: str) -> Sequence[InputPart]:
        """The files of a declared input that this task may read, in task order.

        `output` is a full name ("curate.documents") or, for the exchange's own, the short one ("bands").
        """
        ...

    def document_columns(self) -> list[str]:
        """The columns of the upstream's part `index`; none where it has no documents."""
        ...

    def documents(self, columns: Sequence[str] | None) -> Iterator[tuple[pyarrow.Array, pyarrow.RecordBatch]]:
        """Batches of the upstream's part `index` without removed rows: (row numbers uint32, columns).

        The part is the task's index. `None` reads every column; a name that is absent is left out.
        """
        ...

    def bucket(self, output: str, bucket: int | None = None) -> Iterator[pyarrow.RecordBatch]:
        """One bucket (the task's index unless given) of every file of a bucketed input, in task order."""
        ...

    def create(self, output: str, name: str) -> AbstractContextManager[Path]:
        """A temporary path to write; when the task ends it is fsynced and renamed to `name` in the output."""
        ...

    def write_buckets(self, output: str, table: pyarrow.Table, buckets: pyarrow.Array | Any, count: int) -> None:
        """Write this task's one file of a bucketed output: rows grouped by bucket (stable), with an index."""
        ...

    def count(self, name: str, amount: int) -> None:
        """Add to a counter kept in the manifest and shown by reports."""
        ...
