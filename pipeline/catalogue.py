"""Describe stages from their own models: what `corpusmill stages` prints and `--json` gives."""

from __future__ import annotations

import inspect
import re
from typing import Any

from stages.base import Exchange, Filter, Source, Stage, StageError, Transform
from stages.catalogue import CATALOGUE, stage_class

#: Names of modules before the name of a type; values in quotes go into the group.
_MODULES = re.compile(r"('[^']*')|\b(?:\w+\.)+")


def list_stages() -> list[dict[str, str]]:
    """Name, kind and first line of each stage of the catalogue."""
    return [
        {"name": name, "kind": _kind(stage_class(name)), "summary": _doc(stage_class(name)).splitlines()[0]}
        for name in CATALOGUE
    ]


def describe_stage(name: str) -> dict[str, Any]:
    """Everything a recipe's author needs to know. StageError when there is no such stage."""
    kind = stage_class(name)
    return {
        "name": name,
        "kind": _kind(kind),
        "version": kind.version,
        "doc": _doc(kind),
        "parameters": [_parameter(field_name, field) for field_name, field in kind.model_fields.items()],
        "measurements": dict(getattr(kind, "measurements", {})),
        "rules": _rules(kind),
    }


def _parameter(name: str, field: Any) -> dict[str, str]:
    annotation = field.annotation
    shown = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    default = "required" if field.is_required() else str(field.get_default(call_default_factory=True))
    return {
        "name": field.alias or name,
        "type": _MODULES.sub(r"\1", shown).replace("<class ", "").rstrip(">"),
        "default": default,
        "description": field.description or "",
    }


def _rules(kind: type[Stage]) -> dict[str, str]:
    if not issubclass(kind, Filter) or any(field.is_required() for field in kind.model_fields.values()):
        return {}
    try:
        return {rule.name: f"drops if {rule.drop_if}" for rule in kind().rules()}
    except (StageError, ValueError):
        return {}


def _kind(kind: type[Stage]) -> str:
    for base in (Source, Filter, Transform, Exchange):
        if issubclass(kind, base):
            return base.__name__.lower()
    return "stage"


def _doc(kind: type[Stage]) -> str:
    return inspect.cleandoc(kind.__doc__ or "")
