"""A recipe: the stages a corpus goes through, read from YAML and refused when it says what nobody knows.

    name: fineweb
    seed: 1
    stages:
      - warc
      - language: {languages: [en], min_score: 0.65}
      - gopher: {label: strict, min_doc_words: 80}

A stage is named by the catalogue or by `package.module:Class`; its label (the name unless given) names
it in `--set label.key=value`, in phases and in reports. Two stages may not have rules of one name. Paths
inside a recipe are relative to its file, those in `--set` to the current folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline.errors import RecipeError
from pipeline.validation import first_fault, nearest, one_line
from shards.yaml_text import parse_yaml
from stages.base import Filter, Rule, Source, Stage, StageError
from stages.catalogue import stage_class

RECIPE_FOLDER = Path(__file__).resolve().parent.parent / "recipes"
SMALLEST_BYTES = 4096


class RejectPolicy(BaseModel):
    """How much of a row that ended is kept in rejects/: whole, without text, a sample of rows, or nothing.

    Counts and rules are complete under every policy; `sample` chooses rows by a hash of their identity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep: Literal["full", "no_text", "sample", "off"] = "full"
    fraction: float = Field(default=1.0, ge=0.0, le=1.0)

    @field_validator("keep", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        # YAML reads a bare `off` as false.
        return "off" if value is False else value

    @model_validator(mode="after")
    def _fraction_is_used(self) -> Self:
        if self.keep != "sample" and self.fraction != 1.0:
            raise ValueError(
                f"fraction counts only with keep: sample; write {{sample: FRACTION}}, or {self.keep} alone"
            )
        return self


class Recipe(BaseModel):
    """Settings of a run and its stages in order. See `corpusmill stages` for what can be named."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    description: str = ""
    seed: int = Field(default=1, ge=0, lt=2**63)
    task_bytes: ByteSize | Literal["auto"] = "auto"
    batch_bytes: ByteSize = ByteSize(64_000_000)
    rejects: RejectPolicy = RejectPolicy()
    stages: dict[str, Stage]

    @field_validator("rejects", mode="before")
    @classmethod
    def _short_policy(cls, value: Any) -> Any:
        return _long_policy(value)

    @field_validator("task_bytes", "batch_bytes", mode="before")
    @classmethod
    def _size(cls, value: Any, info: ValidationInfo) -> Any:
        automatic = info.field_name == "task_bytes"
        if automatic and value == "auto":
            return value
        try:
            size = TypeAdapter(ByteSize).validate_python(value)
        except (ValueError, OverflowError):
            size = ByteSize(0)
        if size < SMALLEST_BYTES:
            also = ", or auto" if automatic else ""
            raise ValueError(f"write a size like 256MB, at least {SMALLEST_BYTES} bytes{also}")
        return size

    @classmethod
    def load(cls, path: str | Path, overrides: Iterable[str] = ()) -> Recipe:
        """Read a recipe file, or a recipe shipped with the package by its bare name ("fineweb").

        `overrides` are `key=value` for the recipe's own settings (`rejects.keep=value` within one that is a
        mapping) and `label.key=value` for a stage's (`jsonl.fields.text=content` within one that is a mapping).
        """
        file = _find(Path(path))
        try:
            data = parse_yaml(file.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RecipeError(f"{file}: not readable as YAML: {one_line(error)}") from error
        if not isinstance(data, dict):
            raise RecipeError(f"{file}: a recipe is a mapping with the keys name and stages")
        return cls.parse(data, origin=str(file), folder=file.parent, overrides=overrides)

    @classmethod
    def parse(
        cls, data: dict[str, Any], origin: str = "recipe", folder: Path | None = None, overrides: Iterable[str] = ()
    ) -> Recipe:
        """Build a recipe from the mapping that its YAML holds; `folder` is what its relative paths start from.

        Those of `overrides` start from the current folder, as all of a command line does.
        """
        recipe = cls._build(data, origin, folder or Path.cwd(), overrides)
        _check_rules(origin, recipe)
        return recipe

    @classmethod
    def of_plan(cls, data: dict[str, Any], origin: str) -> Recipe:
        """The recipe that a plan holds. Its rules were checked when that was made; lists that make them may be gone."""
        return cls._build(data, origin, Path.cwd(), ())

    @classmethod
    def _build(cls, data: dict[str, Any], origin: str, folder: Path, overrides: Iterable[str]) -> Recipe:
        _refuse_unknown(origin, "", data, cls)
        stages = _labelled(origin, data.get("stages"))
        settings = {key: value for key, value in data.items() if key != "stages"}
        overridden: set[tuple[str, str]] = set()
        for override in overrides:
            _override(override, settings, stages)
            label, _, name = override.partition("=")[0].partition(".")
            overridden.add((label, name.partition(".")[0]))
        _refuse_unknown(origin, "", settings, cls)
        built: dict[str, Stage] = {}
        for label, (name, parameters) in stages.items():
            folders = {field: Path.cwd() for owner, field in overridden if owner == label}
            built[label] = _build_stage(origin, label, name, parameters, folder, folders)
        recipe = _validated(origin, "", cls, {**settings, "stages": built})
        _check_order(origin, recipe)
        return recipe

    def source(self) -> Source:
        """The stage that reads the corpus."""
        first = next(iter(self.stages.values()))
        assert isinstance(first, Source)
        return first

    def to_data(self) -> dict[str, Any]:
        """The mapping that `parse` reads back to an equal recipe, with absolute paths."""
        stages = [
            {stage_reference(stage): {"label": label, **parameters_of(stage)}} for label, stage in self.stages.items()
        ]
        return {
            "name": self.name,
            "description": self.description,
            "seed": self.seed,
            "task_bytes": self.task_bytes if self.task_bytes == "auto" else int(self.task_bytes),
            "batch_bytes": int(self.batch_bytes),
            "rejects": self.rejects.model_dump(),
            "stages": stages,
        }


def stage_reference(stage: Stage) -> str:
    """What a recipe writes to name this stage's class."""
    kind = type(stage)
    if kind.__module__.split(".")[0] == "stages":
        return kind.name
    return f"{kind.__module__}:{kind.__qualname__}"


def parameters_of(stage: Stage) -> dict[str, Any]:
    """The parameters that differ from their defaults, as a recipe writes them."""
    return stage.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    shipped = RECIPE_FOLDER / path.name
    if path.suffix == "":
        shipped = shipped.with_suffix(".yaml")
    if path.parent in (Path(), Path("recipes")) and shipped.is_file():
        return shipped
    if path.is_dir():
        raise RecipeError(f"{path}: is a folder, not a recipe file")
    recipes = sorted(file.stem for file in RECIPE_FOLDER.glob("*.yaml") if "stages:" in file.read_text("utf-8"))
    raise RecipeError(f"{path}: no such recipe file; shipped recipes: {', '.join(recipes)}")


def _labelled(origin: str, entries: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    if not isinstance(entries, list) or not entries:
        raise RecipeError(f"{origin}: stages must be a list of stage names or `name: {{parameters}}`")
    labelled: dict[str, tuple[str, dict[str, Any]]] = {}
    for position, entry in enumerate(entries, 1):
        if isinstance(entry, str):
            entry = {entry: {}}
        if not isinstance(entry, dict) or len(entry) != 1:
            raise RecipeError(f"{origin}: stage {position} must be a name or one `name: {{parameters}}`, not {entry!r}")
        name, parameters = next(iter(entry.items()))
        if parameters is None:
            parameters = {}
        if not isinstance(parameters, dict):
            raise RecipeError(f"{origin}: stage {position} ({name}): parameters must be a mapping")
        parameters = dict(parameters)
        label = str(parameters.pop("label", str(name).rpartition(":")[2]))
        if not label.replace("_", "").replace("-", "").isalnum():
            raise RecipeError(f"{origin}: stage {position}: label '{label}' may hold letters, digits, _ and - only")
        if label in Recipe.model_fields:
            raise RecipeError(f"{origin}: stage {position}: label '{label}' is a recipe's own setting; choose another")
        if label in labelled:
            first = list(labelled).index(label) + 1
            raise RecipeError(
                f"{origin}: stages {first} and {position} are both labelled '{label}' (the stage's name unless "
                f"given); write `{name}: {{label: OTHER_NAME, ...}}` for one of them"
            )
        labelled[label] = (str(name), parameters)
    return labelled


def _override(override: str, settings: dict[str, Any], stages: dict[str, tuple[str, dict[str, Any]]]) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise RecipeError(f"--set {override}: write it as label.key=value")
    try:
        value = parse_yaml(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {override}: the value is not YAML: {one_line(error)}") from error
    label, dot, name = key.partition(".")
    if key == "stages":
        raise RecipeError(f"--set {override}: stages are listed in the recipe; change one with label.key=value")
    if not dot:
        settings[key] = value
    elif label in stages and name == "label":
        raise RecipeError(f"--set {override}: a label is given in the recipe, not by --set")
    elif label in stages:
        _set_within(stages[label][1], name, value)
    elif label == "rejects":
        policy = _long_policy(settings.get("rejects", {}))
        settings["rejects"] = {**policy, name: value} if isinstance(policy, dict) else policy
    elif label in Recipe.model_fields:
        raise RecipeError(f"--set {override}: '{label}' is one value; write --set {label}=VALUE")
    else:
        hint = nearest(label, stages, "labels")
        raise RecipeError(f"--set {override}: no stage is labelled '{label}'; {hint}")


def _set_within(parameters: dict[str, Any], name: str, value: Any) -> None:
    """Set a parameter, or with `name.key` one key of a parameter that is a mapping."""
    outer, dot, inner = name.partition(".")
    within = parameters.get(outer, {})
    if dot and isinstance(within, dict):
        parameters[outer] = {**within, inner: value}
    else:
        parameters[name] = value


def _long_policy(value: Any) -> Any:
    """The mapping that a short form of `rejects` stands for, as `off`, `no_text` or `sample: 0.01`."""
    if value is False:
        return {"keep": "off"}
    if isinstance(value, str):
        return {"keep": value}
    if isinstance(value, dict) and set(value) == {"sample"}:
        return {"keep": "sample", "fraction": value["sample"]}
    return value


def _build_stage(
    origin: str, label: str, name: str, parameters: dict[str, Any], folder: Path, folders: dict[str, Path]
) -> Stage:
    """The stage; its relative paths start from `folder`, those of some fields from other `folders`."""
    try:
        kind = stage_class(name)
    except StageError as error:
        raise RecipeError(f"{origin}: {error}") from error
    where = f"stage '{label}': "
    _refuse_unknown(origin, where, parameters, kind, also=("label",))
    stage = _validated(origin, where, kind, parameters)
    resolved = {field: _resolve(getattr(stage, field), folders.get(field, folder)) for field in kind.model_fields}
    changed = {field: value for field, value in resolved.items() if value != getattr(stage, field)}
    return stage.model_copy(update=changed) if changed else stage


def _resolve(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return (folder / value.expanduser()).resolve()
    if isinstance(value, (list, tuple)) and any(isinstance(item, Path) for item in value):
        return type(value)(_resolve(item, folder) for item in value)
    return value


def _refuse_unknown(
    origin: str, where: str, data: dict[str, Any], model: type[BaseModel], also: tuple[str, ...] = ()
) -> None:
    known = [field.alias or name for name, field in model.model_fields.items()]
    for key in data:
        if key not in known:
            known += also
            raise RecipeError(f"{origin}: {where}unknown key '{key}'; {nearest(str(key), known)}")


def _validated(origin: str, where: str, model: type[Any], data: dict[str, Any]) -> Any:
    try:
        return model(**data)
    except ValidationError as error:
        raise RecipeError(f"{origin}: {where}{first_fault(error, model)}") from error
    except StageError as error:
        raise RecipeError(f"{origin}: {where}{error}") from error
    except Exception as error:  # a stage is anybody's code
        raise RecipeError(f"{origin}: {where}{one_line(f'{type(error).__name__}: {error}')}") from error


def _check_order(origin: str, recipe: Recipe) -> None:
    for position, (label, stage) in enumerate(recipe.stages.items()):
        if isinstance(stage, Source) != (position == 0):
            raise RecipeError(
                f"{origin}: stage '{label}': the first stage, and no other, must be a source such as warc or jsonl"
            )


def _check_rules(origin: str, recipe: Recipe) -> None:
    owners: dict[str, str] = {}
    for label, stage in recipe.stages.items():
        for rule in _rules(origin, label, stage):
            owner = owners.setdefault(rule.name, label)
            if owner != label:
                raise RecipeError(
                    f"{origin}: stages '{owner}' and '{label}' both have a rule named '{rule.name}', which reports "
                    "could not tell apart; give a filter another name, or keep one of two stages of a kind"
                )


def _rules(origin: str, label: str, stage: Stage) -> list[Rule]:
    try:
        return stage.rules() if isinstance(stage, Filter) else []
    except StageError as error:
        raise RecipeError(f"{origin}: {error}") from error
    except Exception as error:  # a stage is anybody's code
        raise RecipeError(f"{origin}: stage '{label}': rules: {one_line(error)}") from error
