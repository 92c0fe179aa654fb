"""Fingerprints: what a result depends on, as data that can be compared and explained.

Inside: a stage's name, version and parameters, the content of its model files and lists, the major.minor
version of libraries that shape its results. Outside: paths of this machine, modification times, patch
versions, batch sizes, numbers of workers. The Unicode version is the interpreter's: character classes are its.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.assets import asset_paths, content_of, path_fields
from pipeline.errors import RecipeError
from stages.base import Stage


def digest(value: Any) -> str:
    """sha256 of canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def component(stage: Stage) -> dict[str, Any]:
    """What a stage adds to the fingerprint of its phase; paths are replaced by what they hold."""
    paths = path_fields(stage)
    parameters = {name: getattr(stage, name) for name in type(stage).model_fields if name not in paths}
    assets = {name: _content(path) for name, path in asset_paths(stage).items()}
    return {
        "stage": f"{type(stage).__module__}:{type(stage).__qualname__}",
        "version": stage.version,
        "parameters": json.loads(json.dumps(parameters, default=_plain)),
        "assets": assets,
        "libraries": {name: _library_version(name) for name in stage.libraries}
        | {"unicode": unicodedata.unidata_version},
    }


def without_parameters(part: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """A component but for some of its parameters."""
    left = {name: value for name, value in part.get("parameters", {}).items() if name not in names}
    return {**part, "parameters": left}


def explain_change(
    old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]], ignored: Collection[str] = ()
) -> list[str]:
    """One phrase for each difference between two phases' components, such as `gopher.min_doc_words 50 -> 80`.

    Those of `ignored` parameters are left out.
    """
    changes = [f"{label} removed" for label in old if label not in new]
    for label, part in new.items():
        if label not in old:
            changes.append(f"{label} added")
            continue
        before, part = without_parameters(old[label], ignored), without_parameters(part, ignored)
        for group in part:
            if part[group] == before.get(group):
                continue
            if group == "assets":
                changes += _other_files(label, before.get(group) or {}, part[group])
            elif isinstance(part[group], dict):
                changes += _differences(label, before.get(group) or {}, part[group])
            else:
                changes.append(f"{label} {group} {before.get(group)} -> {part[group]}")
    return changes


def _differences(label: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [f"{label}.{name} {_short(old.get(name))} -> {_short(new.get(name))}" for name in names]


def _other_files(label: str, old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Files of other content by name; one that a field and the stage itself both name is told of once."""
    changes: dict[tuple[str | None, str | None], str] = {}
    for name in {**old, **new}:
        before, after = old.get(name), new.get(name)
        if before != after:
            what = "added" if before is None else "left out" if after is None else "has other content"
            changes.setdefault((before, after), f"{label}.{name} {what}")
    return list(changes.values())


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)


def _content(path: Path) -> str:
    try:
        return content_of(path)
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}; the recipe names it") from error


def _library_version(name: str) -> str:
    return ".".join(importlib.metadata.version(name).split(".")[:2])
