"""Measure the texts of a finished run by further stages, and keep the columns in sidecars (pipeline/sidecars.py).

Transforms and filters run over documents/, and over rejects/ where asked, part by part; only the columns that they
add are written. A row without text, as the rejects policy may leave it, has nulls; a row that a stage cannot process
has nulls and its error. Parts that have their sidecar already are skipped, so a stopped measuring goes on.
Cost: reading the part, the stages, and memory of one row group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipeline.document_files import open_parquet
from pipeline.errors import RecipeError
from pipeline.files import atomic_path
from pipeline.fingerprint import component, digest
from pipeline.guard import blaming, checked, guarded, no_rows, split_errors
from pipeline.lock import driver_lock
from pipeline.plan import Plan
from pipeline.progress import Progress
from pipeline.publication import files_of, is_published
from pipeline.recipe import Recipe
from pipeline.sidecars import Measurement, folder_of, fresh_sidecars, measurements, metadata
from pipeline.storage import list_folder, remove_file
from pipeline.validation import one_line
from pipeline.workspace import Workspace
from shards.yaml_text import parse_yaml
from stages.base import Filter, Transform
from stages.judge import Judge
from tokenizer.kernel_cache import announcing

ERROR = "error"


@dataclass
class Measured:
    """What measuring a run gave."""

    label: str
    #: Columns and their types.
    columns: dict[str, str]
    parts: int = 0
    parts_finished_before: int = 0
    rows: int = 0
    rows_without_text: int = 0
    rows_with_error: int = 0
    #: A rule of the stages over these columns, to ask `inspect --what-if` by.
    rule: str | None = None


def measure(
    run: Path, stage: str, changes: Sequence[str], label: str | None, rejects: bool, progress: Progress
) -> Measured:
    """Measure a run by a stage or a small recipe. Raises RecipeError where either is not as it must be."""
    workspace = Workspace(run)
    plan = workspace.load_plan()
    name, stages = _stages(plan, stage, changes)
    folders = ["documents", "rejects"] if rejects else ["documents"]
    with driver_lock(run), announcing(progress.compiling):
        files = {folder: _published(plan, folder, workspace) for folder in folders}
        measuring = _Measuring(run, label or name, stages, own_label=label is not None)
        measuring.prepare([run / folder / part for folder in folders for part in files[folder]])
        for folder, parts in files.items():
            measuring.measure_folder(folder, parts, progress)
        return measuring.result


def _published(plan: Plan, folder: str, workspace: Workspace) -> dict[str, str]:
    """sha256 of every part of a published folder by its name."""
    if not is_published(folder, workspace):
        raise RecipeError(f"{workspace.run / folder}: not published; end the run first")
    return {name: sha256 for name, (_, sha256) in sorted(files_of(plan, folder, workspace).items())}


def _stages(plan: Plan, stage: str, changes: Sequence[str]) -> tuple[str, dict[str, Transform]]:
    """A name and the stages by label: of the catalogue, `package.module:Class`, or a YAML file with `stages`."""
    source = plan.recipe.to_data()["stages"][0]
    file = Path(stage)
    if file.suffix in (".yaml", ".yml"):
        data = _read(file)
        listed, name = data["stages"], str(data.get("name", file.stem))
    else:
        listed, name = [stage], stage.rpartition(":")[2]
        changes = [change if "." in change.partition("=")[0] else f"{name}.{change}" for change in changes]
    recipe = Recipe.parse({"name": "measure", "stages": [source, *listed]}, str(file), file.parent, changes)
    found = dict(list(recipe.stages.items())[1:])
    for label, one in found.items():
        if not isinstance(one, Transform):
            raise RecipeError(f"{stage}: stage '{label}' is no transform or filter, which alone measure row by row")
    return name, {label: one for label, one in found.items() if isinstance(one, Transform)}


def _read(file: Path) -> dict[str, Any]:
    try:
        data = parse_yaml(file.read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file}: not readable as YAML: {one_line(error)}") from error
    if not isinstance(data, dict) or not isinstance(data.get("stages"), list) or not data["stages"]:
        raise RecipeError(f"{file}: must be a mapping with `stages`, a list of transforms and filters without a source")
    return data


class _Measuring:
    """Runs the stages over parts and writes the columns that they add."""

    def __init__(self, run: Path, label: str, stages: dict[str, Transform], own_label: bool) -> None:
        if not label.replace("_", "").replace("-", "").isalnum():
            raise RecipeError(f"--label {label}: may hold letters, digits, _ and - only")
        self._run, self._label, self._stages, self._own_label = run, label, stages, own_label
        #: Column of the stages' result -> its field in the sidecar.
        self._fields: dict[str, pa.Field] = {}
        self._replaced: set[str] = set()

    def prepare(self, files: Sequence[Path]) -> None:
        """Learn the columns by running on no rows, and describe the measurement beside the parts to come."""
        if files:
            self._find_columns(open_parquet(files[0]).schema_arrow)
        columns = {field.name: str(field.type) for field in self._fields.values()}
        described = [{label: component(stage)} for label, stage in self._stages.items()]
        self._measurement = Measurement(self._label, digest([described, columns]), described, columns)
        self._measurement.save(self._run)
        self.result = Measured(self._label, columns, rule=self._rule())

    def _rule(self) -> str | None:
        """The first rule of the stages whose columns bear their own names in the sidecar."""
        named = {name for name, field in self._fields.items() if field.name == name}
        for stage in self._stages.values():
            for rule in stage.rules() if isinstance(stage, Filter) else ():
                if named.issuperset(Judge([rule]).columns[0]):
                    return rule.drop_if
        return None

    def _find_columns(self, schema: pa.Schema) -> None:
        self._replaced = {name for stage in self._stages.values() for name in getattr(stage, "measurements", ())}
        batch = self._without_replaced(no_rows(schema))
        before = set(batch.schema.names)
        for label, stage in self._stages.items():
            with blaming(label):
                batch, _ = split_errors(checked(label, stage, batch))
        taken = {column for other in measurements(self._run) if other.label != self._label for column in other.columns}
        for field in batch.schema:
            if field.name in before:
                continue
            name = field.name
            if name in schema.names or name in taken:
                if not self._own_label:
                    raise RecipeError(
                        f"the run has a column '{name}' already; give --label NAME to keep this one as NAME_{name}"
                    )
                name = f"{self._label}_{name}"
            self._fields[field.name] = pa.field(name, field.type)
        if not self._fields:
            raise RecipeError(f"{', '.join(self._stages)}: adds no column, so there is nothing to keep")
        self._fields[ERROR] = pa.field(f"{self._label}_{ERROR}", pa.string())

    def _without_replaced(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows without columns that the stages measure anew."""
        return batch.drop_columns([name for name in batch.schema.names if name in self._replaced])

    def measure_folder(self, folder: str, parts: dict[str, str], progress: Progress) -> None:
        """Write the sidecars that are missing, and remove those of parts that are no longer there."""
        place = folder_of(self._run, self._label) / folder
        finished = fresh_sidecars(self._run, self._measurement, folder, parts)
        for name in list_folder(place):
            if name not in parts:
                remove_file(place / name)
        progress.phase(folder, len(parts), len(finished), None)
        self.result.parts += len(parts)
        self.result.parts_finished_before += len(finished)
        before = self.result.rows
        for number, (name, sha256) in enumerate((n, s) for n, s in parts.items() if n not in finished):
            self._measure_part(self._run / folder / name, place / name, sha256)
            progress.update(number + 1, self.result.rows - before)
        if len(finished) < len(parts):
            progress.phase_ended()

    def _measure_part(self, part: Path, sidecar: Path, sha256: str) -> None:
        schema = pa.schema(list(self._fields.values()), metadata=metadata(self._measurement.digest, sha256))
        parquet = open_parquet(part)
        stages = {label: stage.for_task() for label, stage in self._stages.items()}
        with (
            atomic_path(sidecar) as temporary,
            pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=False) as writer,
        ):
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group).combine_chunks()
                rows = pa.RecordBatch.from_arrays([column.chunk(0) for column in table.columns], schema=table.schema)
                added = pa.table(self._measured(stages, rows), schema=schema)
                writer.write_table(added, row_group_size=added.num_rows)

    def _measured(self, stages: dict[str, Transform], rows: pa.RecordBatch) -> list[pa.Array]:
        """The sidecar's columns for these rows, null where a row has no text or a stage failed on it."""
        positions = np.flatnonzero(rows.column("text").is_valid())
        errors: list[str | None] = [None] * rows.num_rows
        batch = self._without_replaced(rows.take(pa.array(positions)) if len(positions) < rows.num_rows else rows)
        self.result.rows += rows.num_rows
        self.result.rows_without_text += rows.num_rows - len(positions)
        for label, stage in stages.items():
            if batch.num_rows == 0:
                break
            batch, failed = guarded(label, stage, batch)
            if failed is not None:
                for position, error in zip(positions, failed, strict=True):
                    errors[position] = error and f"{label}: {error}"
                positions = positions[[error is None for error in failed]]
        self.result.rows_with_error += sum(error is not None for error in errors)
        source = np.full(rows.num_rows, -1)
        source[positions] = np.arange(len(positions))
        at = pa.array(source, mask=source < 0)
        columns = [
            batch.column(name).take(at) if batch.num_rows else pa.nulls(rows.num_rows, field.type)
            for name, field in self._fields.items()
            if name != ERROR
        ]
        return [*columns, pa.array(errors, pa.string())]
