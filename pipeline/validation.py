"""Say what is wrong with settings that a user wrote, in one line: the key, what it may be, the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

#: What a value must be, by pydantic's name of the fault, in words of the file that the user wrote.
_SHAPES = {
    **dict.fromkeys(("tuple_type", "list_type"), "must be a list: [one, another], or one a line after `- `"),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "must be a mapping of keys to values"),
}


def nearest(word: str, known: Iterable[str], kind: str = "keys") -> str:
    """A hint for a misspelt key: the closest known one, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known {kind}: {', '.join(names)}"


def first_fault(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that a model refused, in one line."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *path, key = first["loc"]
        return f"unknown key '{place}'; {nearest(str(key), _keys_at(model, path))}"
    message = _SHAPES.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    if not place or first["type"] == "missing":
        return one_line(f"{place}: {message}" if place else message)
    return one_line(f"{place}: {message} (given: {first.get('input')!r})")


def _keys_at(model: type[BaseModel], path: Iterable[int | str]) -> list[str]:
    """The keys of the model that lies at a path of keys and positions below another."""
    for part in path:
        field = next((field for name, field in model.model_fields.items() if part in (name, field.alias)), None)
        if field is not None:
            model = _model_within(field.annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_within, get_args(annotation))), None)


def one_line(error: object) -> str:
    return " ".join(str(error).split())
