"""Where a source finds the columns of a document among its own fields; `a.b` is the field `b` inside `a`.

A field that was not named but assumed (`id`, `url`, `date`) may be absent, or of a type that is no label: the
column is null then. One that the recipe names must be there where a file has a schema (Parquet, Arrow, CSV).
Fields that feed no column are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

#: Stands for the value of a field that is not there, which is not the same as null.
MISSING: Final = object()


class Fields(BaseModel):
    """The field behind each column; null for a column that is not to be read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(default="text", min_length=1)
    id: str | None = Field(default="id", min_length=1)
    url: str | None = Field(default="url", min_length=1)
    date: str | None = Field(default="date", min_length=1)
    source: str | None = Field(default=None, min_length=1)

    def __str__(self) -> str:
        return "{" + ", ".join(f"{column}: {field or 'null'}" for column, field in self) + "}"

    @cached_property
    def labels(self) -> dict[str, str]:
        """Column -> field, of every column but the text that is to be read."""
        return {column: field for column, field in self if column != "text" and field is not None}

    def is_named(self, column: str) -> bool:
        """Whether the recipe says where the column is, so that its absence is a mistake."""
        return column == "text" or getattr(self, column) != type(self).model_fields[column].default


def fields_parameter() -> Any:
    """The parameter `fields`, which is the same for every source of records."""
    return Field(
        default=Fields(),
        description="the field behind each column: {text: content, id: doc_id, url: metadata.url}; "
        "dots go into nested fields, null reads none, other fields are left out",
    )


def value_at(record: Mapping[str, Any], field: str) -> Any:
    """The field's value, MISSING where there is none. A field whose own name has dots comes first."""
    if field in record or "." not in field:
        return record.get(field, MISSING)
    value: Any = record
    for name in field.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return MISSING
        value = value[name]
    return value


def as_label(value: Any) -> str | None:
    """A string or number as a label; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    label = str(value)
    return label if label.isascii() else label.encode("utf-8", "replace").decode()
