"""Columns of one's own: fields of the corpus that documents keep beside the text, with types that a recipe declares.

    columns: {score: float, stars: {type: integer, field: review.stars}}

A plan must know every column before anything is read, so types are declared and not guessed. A field that is absent
or null is null, NaN too; an integer may be written 3.0. A value of another type quarantines its row, naming field and
value; where a file has a schema (Parquet, Arrow) a field of another type, or none, is refused when the plan is made.
Columns stand behind the text in the order of their names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from stages.base import StageError
from stages.sources.fields import MISSING

if TYPE_CHECKING:
    import pyarrow

ColumnType = Literal["integer", "float", "string", "boolean"]

_INTEGERS = range(-(2**63), 2**63)
#: What the words of a boolean in CSV say.
_BOOLEANS = {"true": True, "false": False}


class OwnColumn(BaseModel):
    """The type of a column and the field behind it, which has its name unless said; the type alone may stand for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ColumnType
    field: str | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _type_alone(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    def value(self, value: Any, field: str) -> Any:
        """A value of JSON as the column holds it. ValueError where it is of another type."""
        if value is None or value is MISSING:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if self.type == "integer" and number and value % 1 == 0 and int(value) in _INTEGERS:
            return int(value)
        if self.type == "float" and number:
            return None if math.isnan(_float(value)) else _float(value)
        if self.type == "string" and isinstance(value, str) and not any("\ud800" <= mark <= "\udfff" for mark in value):
            return value
        if self.type == "boolean" and isinstance(value, bool):
            return value
        raise ValueError(f"the field '{field}' holds {json.dumps(value)[:80]}, not {self._what()}")

    def value_of_text(self, text: str, field: str) -> Any:
        """As `value`, of a field that is written as text; an empty one is null."""
        if text == "" or self.type == "string":
            return text or None
        try:
            value = _BOOLEANS[text.strip().lower()] if self.type == "boolean" else _number(text)
            return self.value(value, field)
        except (ValueError, KeyError):
            raise ValueError(f"the field '{field}' holds {json.dumps(text)[:80]}, not {self._what()}") from None

    def _what(self) -> str:
        return {"integer": "an integer of 64 bits", "float": "a number"}.get(self.type, f"a {self.type}")


def columns_parameter() -> Any:
    """The default and description of the parameter `columns`, which is the same for every source of records."""
    return Field(
        default={},
        description="fields to keep as columns, by type: {score: float, stars: {type: integer, field: review.stars}}; "
        "types are integer, float, string and boolean, other fields are left out",
    )


def fields_behind(columns: Mapping[str, OwnColumn]) -> dict[str, str]:
    """Column -> field."""
    return {name: column.field or name for name, column in columns.items()}


def text_schema(columns: Mapping[str, OwnColumn]) -> pyarrow.Schema:
    """TEXT_SCHEMA with the columns behind it."""
    import pyarrow as pa

    from stages.documents import TEXT_SCHEMA

    kinds = {"integer": pa.int64(), "float": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}
    return pa.schema([*TEXT_SCHEMA, *(pa.field(name, kinds[column.type]) for name, column in columns.items())])


def _checked(columns: dict[str, OwnColumn]) -> dict[str, OwnColumn]:
    from stages.documents import HTML_SCHEMA, PAGE_COLUMNS, TEXT_SCHEMA, VERDICT

    verdict = [field.name for field in VERDICT]
    reserved = {*TEXT_SCHEMA.names, *HTML_SCHEMA.names, *PAGE_COLUMNS, *verdict, "length", "part", "row"}
    for name in columns:
        if name in reserved:
            mend = f"columns: {{own_{name}: {{type: {columns[name].type}, field: {name}}}}}"
            raise StageError(f"columns: every run has a column '{name}' of its own; choose another name, as in {mend}")
        if not (name.isidentifier() and name.isascii()):
            raise StageError(
                f"columns: '{name}' is no name for a column; use letters, digits and _, and name the field by `field`"
            )
    return dict(sorted(columns.items()))


def _float(value: float) -> float:
    """The nearest float, as of the same number written 1e400."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _number(text: str) -> int | float:
    if "_" in text:
        raise ValueError(text)
    try:
        return int(text)
    except ValueError:
        return float(text)


OwnColumns = Annotated[dict[str, OwnColumn], AfterValidator(_checked)]
