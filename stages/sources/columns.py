"""Documents from Arrow columns: what Parquet and Arrow files have in common.

A row's identity is its number in the file. Columns are chosen before anything is read, so that a file without
the column that the recipe names, or with another type there, is one clear line and not a row each. Text that is
null or not UTF-8 is a quarantined row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from stages.base import SourceBatch, StageError
from stages.documents import SOURCE_REJECT_SCHEMA
from stages.sources.fields import Fields
from stages.sources.own_columns import ColumnType, OwnColumn, fields_behind, text_schema
from stages.sources.rows import DATE_TYPE, Place, RowCollector, labelled_columns, milliseconds

#: How messages name what feeds a column, strings if nothing else is said.
_WANTED = {"date": "dates", "integer": "integers up to int64", "float": "numbers", "boolean": "booleans"}


class DocumentColumns:
    """Which columns of one file feed a document; StageError where they cannot."""

    def __init__(
        self,
        fields: Fields,
        columns: Mapping[str, OwnColumn],
        source: str,
        limit: int,
        schema: pa.Schema,
        path: Path,
    ) -> None:
        self._source = source
        self._limit = limit
        self._schema = schema
        self._text_field = fields.text
        self._own = columns
        self._paths: dict[str, tuple[str, ...]] = {}
        for column, field in {"text": fields.text, **fields.labels, **fields_behind(columns)}.items():
            kind = columns[column].type if column in columns else column
            path_in = _path_in(schema, field)
            problem = _problem(schema, path_in, kind, field)
            if path_in and not problem:
                self._paths[column] = path_in
            elif column in columns:
                raise StageError(f"{path}: {problem}; set columns.{column}.field: {_fitting(schema, kind)}")
            elif fields.is_named(column):
                raise StageError(f"{path}: {problem}; set fields.{column}: {_fitting(schema, kind)}")

    def names(self) -> list[str]:
        """The columns to read, nested ones as `outer.inner`."""
        return list(dict.fromkeys(".".join(path) for path in self._paths.values()))

    def top_level(self) -> list[int]:
        """The columns of the schema to read, by number, for readers that know no nested ones."""
        return sorted({self._schema.get_field_index(path[0]) for path in self._paths.values()})

    def check_sound(self, batch: pa.RecordBatch) -> None:
        """ArrowInvalid where offsets lead outside of a column's buffers, as they may in a damaged Arrow file."""
        batch.validate()
        for path in self._paths.values():
            _check_offsets(_column(batch, path))

    def batch(self, batch: pa.RecordBatch, file: str, first: int) -> SourceBatch:
        """Rows `first` and on of the file; those without usable text become rejects."""
        count = batch.num_rows
        found = {column: _castable(_column(batch, path)) for column, path in self._paths.items()}
        text = found["text"].cast(pa.large_string())
        offset, ordinal = np.arange(first, first + count, dtype=np.int64), np.zeros(count, np.int32)
        common = labelled_columns(
            file,
            pa.array(offset),
            pa.array(ordinal),
            _labels(found.get("id"), count),
            _labels(found.get("url"), count),
            _dates(found.get("date"), count),
            _labels(found.get("source"), count),
            self._source,
        )
        errors = _text_errors(text, self._text_field, self._limit)
        usable = pc.is_null(errors)
        own = [_own_values(found[name], column.type) for name, column in self._own.items()]
        documents = pa.RecordBatch.from_arrays([*common, text, *own], schema=text_schema(self._own)).filter(usable)
        outcome = pa.array(["quarantined"] * count, pa.string())
        nothing = pa.nulls(count, pa.string())
        rejects = pa.RecordBatch.from_arrays(
            [*common, outcome, nothing, nothing, nothing, errors], schema=SOURCE_REJECT_SCHEMA
        )
        return SourceBatch(documents, rejects.filter(pc.invert(usable)))


def unreadable_file(file: str, source: str, fault: str, size: int, schema: pa.Schema) -> SourceBatch:
    """The one row of a file of which nothing can be read."""
    return _ended(file, source, 0, fault, {"bytes": size}, schema)


def damaged_rows(
    file: str, source: str, row: int, error: Exception | str, extent: Mapping[str, int], schema: pa.Schema
) -> SourceBatch:
    """One row for what could not be read from row number `row` on."""
    text = str(error)
    reason = text.splitlines()[0] if text else type(error).__name__
    return _ended(file, source, row, f"damaged: {reason}", extent, schema)


def is_damage(error: Exception, most_bytes: int = 1 << 38) -> bool:
    """Whether the data is to blame for what reading it raised, and not the disk or the memory of this machine.

    No buffer of it takes more than `most_bytes`: who asked for more has read a damaged length.
    """
    if isinstance(error, MemoryError):
        asked = re.search(r"of size (\d+) failed", str(error))
        return asked is not None and int(asked[1]) > most_bytes
    if isinstance(error, OSError) and error.errno:
        return False
    return isinstance(error, (pa.ArrowException, ValueError, OSError))


def only_row(batch: SourceBatch, row: int) -> SourceBatch:
    """What of a batch has this row number."""
    parts = (batch.documents, batch.rejects)
    return SourceBatch(*(part.filter(pc.equal(part.column("offset"), row)) for part in parts))


def no_documents(source: str, schema: pa.Schema) -> SourceBatch:
    """Two batches without rows."""
    return RowCollector("", source, schema, 1).take()


def _ended(file: str, source: str, row: int, error: str, values: Mapping[str, int], schema: pa.Schema) -> SourceBatch:
    rows = RowCollector(file, source, schema, 1)
    rows.quarantine(Place(row, 0), error, values)
    return rows.take()


def _path_in(schema: pa.Schema, field: str) -> tuple[str, ...] | None:
    """The steps from the schema to a field, None where it is not there. A name with dots of its own comes first."""
    if field in schema.names:
        return (field,)
    path = tuple(field.split("."))
    return path if len(path) > 1 and path[0] in schema.names and _type_at(schema, path) is not None else None


def _type_at(schema: pa.Schema, path: tuple[str, ...]) -> pa.DataType | None:
    kind = schema.field(schema.get_all_field_indices(path[0])[0]).type
    for name in path[1:]:
        if not types.is_struct(kind) or len(kind.get_all_field_indices(name)) != 1:
            return None
        kind = kind.field(name).type
    return kind


def _problem(schema: pa.Schema, path: tuple[str, ...] | None, column: str, field: str) -> str | None:
    """Why a field cannot feed a column, if so."""
    if path is None:
        return f"has no column '{field}'"
    if len(schema.get_all_field_indices(path[0])) > 1:
        return f"has several columns '{field}'"
    kind = _type_at(schema, path)
    if kind is None:
        return f"has several columns '{field}'"
    if not _fits(column, kind):
        return f"the column '{field}' holds {kind}, not {_WANTED.get(column, 'strings')}"
    return None


def _fitting(schema: pa.Schema, column: str) -> str:
    """The fields that could feed a column, for the mend."""
    fit = [".".join(path) for path in _leaves(schema, ()) if _problem(schema, path, column, "") is None]
    names = ", ".join(f"'{name}'" for name in fit[:20])
    return f"one of {names}" if fit else "a column of another file; this one has none that fits"


def _leaves(fields: Iterable[pa.Field], outer: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths of all fields that are no struct."""
    for field in fields:
        path = (*outer, field.name)
        if types.is_struct(field.type):
            yield from _leaves((field.type.field(at) for at in range(field.type.num_fields)), path)
        else:
            yield path


def _fits(column: str, kind: pa.DataType) -> bool:
    kind = kind.value_type if types.is_dictionary(kind) else kind
    string = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind)
    if column in ("text", "string"):
        return string
    if column == "integer":
        return types.is_null(kind) or (types.is_integer(kind) and not types.is_uint64(kind))
    if column == "float":
        return types.is_null(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    if column == "boolean":
        return types.is_null(kind) or types.is_boolean(kind)
    if column == "date":
        return string or types.is_timestamp(kind) or types.is_date(kind)
    binary = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    return string or binary or types.is_integer(kind) or types.is_floating(kind)


def _column(batch: pa.RecordBatch, path: tuple[str, ...]) -> pa.Array:
    column = batch.column(path[0])
    for name in path[1:]:
        column = pc.struct_field(column, name)
    return column


def _castable(column: pa.Array) -> pa.Array:
    """The column, a dictionary of views (as polars writes categories) with strings or bytes: only those are cast."""
    if not types.is_dictionary(column.type):
        return column
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}.get(column.type.value_type)
    return column if plain is None else pa.DictionaryArray.from_arrays(column.indices, column.dictionary.cast(plain))


def _check_offsets(column: pa.Array) -> None:
    """Full validation, but for UTF-8, which is a row's own fault."""
    if types.is_dictionary(column.type):
        _check_offsets(column.dictionary)
        bounds = pc.min_max(column.indices).as_py()
        if bounds["max"] is not None and not 0 <= bounds["min"] <= bounds["max"] < len(column.dictionary):
            raise pa.ArrowInvalid("an index of the dictionary is out of bounds")
    elif types.is_string(column.type):
        column.cast(pa.binary()).validate(full=True)
    elif types.is_large_string(column.type):
        column.cast(pa.large_binary()).validate(full=True)
    elif types.is_string_view(column.type):
        column.cast(pa.binary_view()).validate(full=True)
    else:
        column.validate(full=True)


def _labels(column: pa.Array | None, count: int) -> pa.Array:
    """A column of strings, bytes or numbers as strings; null where a value is none in UTF-8."""
    if column is None:
        return pa.nulls(count, pa.string())
    try:
        labels = column.cast(pa.string())
        labels.validate(full=True)
    except pa.ArrowException:
        return pa.array([_as_string(value) for value in column], pa.string())
    return labels


def _as_string(value: pa.Scalar) -> str | None:
    try:
        return value.cast(pa.string()).as_py()
    except (pa.ArrowException, UnicodeDecodeError):
        return None


def _own_values(column: pa.Array, kind: ColumnType) -> pa.Array:
    if kind == "string":
        return _labels(column, len(column))
    if kind == "integer":
        return column.cast(pa.int64())
    if kind == "boolean":
        return column.cast(pa.bool_())
    numbers = column.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)


def _dates(column: pa.Array | None, count: int) -> pa.Array:
    if column is None:
        return pa.nulls(count, DATE_TYPE)
    if types.is_temporal(column.type):
        return column.cast(DATE_TYPE, safe=False)
    return pa.array([milliseconds(_as_string(value)) for value in column], pa.int64()).cast(DATE_TYPE)


def _text_errors(text: pa.Array, column: str, limit: int) -> pa.Array:
    """Why each text (large_string) is unusable, null for good ones."""
    large = f"the column '{column}' has more than max_record_bytes ({limit})"
    errors = pc.if_else(pc.greater(pc.binary_length(text), limit), large, pa.scalar(None, pa.string()))
    errors = pc.if_else(text.is_null(), f"the column '{column}' is null", errors)
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        found = errors.to_pylist()
        for row, value in enumerate(text.cast(pa.large_binary())):
            try:
                if value.is_valid:
                    value.as_py().decode()
            except UnicodeDecodeError as error:
                found[row] = f"the column '{column}' is not UTF-8: {error.reason} at byte {error.start}"
        errors = pa.array(found, pa.string())
    return errors
