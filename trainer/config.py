"""The training config: dataclasses filled from YAML and `--set key=value`, every key checked.

    model: {layers: 6, width: 256, heads: 8, key_value_heads: 4}
    batch: {global_batch_size: 16}
    sequence_length: 128
    max_steps: 1000

An unknown key is refused with the nearest valid one, a value of the wrong kind with what it must be.
`flatten` gives dotted keys, in which configs are recorded and compared when training resumes.
"""

from __future__ import annotations

import difflib
import math
import re
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union

from trainer.errors import TrainerError

CONFIG_FOLDER = Path(__file__).resolve().parent.parent / "recipes"


@dataclass(frozen=True)
class ModelShape:
    """Shape of the decoder-only Transformer. `hidden` is the width inside the feed-forward (SwiGLU) layer."""

    layers: int = 6
    width: int = 256
    heads: int = 8
    key_value_heads: int = 4
    hidden: int = 704
    rope_base: float = 10000.0
    norm_epsilon: float = 1e-5
    tie_embeddings: bool = True


@dataclass(frozen=True)
class OptimizerSettings:
    """AdamW; `gradient_clip` bounds the norm of the whole batch's gradient (0: no clipping).

    `embedding_learning_rate` (null: as the rest) is for the embedding, of which a step touches few rows.
    """

    learning_rate: float = 2e-3
    embedding_learning_rate: float | None = None
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    weight_decay: float = 0.1
    gradient_clip: float = 1.0


@dataclass(frozen=True)
class ScheduleSettings:
    """Linear warm-up, then a cosine down to `final_fraction` of the learning rate at the last step."""

    warmup_steps: int = 50
    final_fraction: float = 0.05


@dataclass(frozen=True)
class BatchSettings:
    """Windows for each optimizer step, and how many of them go through the model at once (null: all)."""

    global_batch_size: int = 16
    micro_batch_size: int | None = None


@dataclass(frozen=True)
class EvaluationSettings:
    """Validate every so many steps and at the end, on `windows` evenly spaced windows (null: all)."""

    every: int = 200
    windows: int | None = 64


@dataclass(frozen=True)
class CheckpointSettings:
    """Write a checkpoint every so many steps and at the end; the newest `keep` stay."""

    every: int = 500
    keep: int = 1


@dataclass(frozen=True)
class LogSettings:
    """Write a line of the training log every so many steps."""

    every: int = 1


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run, shards aside.

    `max_minutes` counts training time over all resumes; when the steps left would not fit, fewer are
    planned, so that the learning rate still comes down (trainer/schedule.py). `sources` gives weights by
    source name; without it every source counts by its size.
    """

    model: ModelShape = field(default_factory=ModelShape)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    log: LogSettings = field(default_factory=LogSettings)
    sequence_length: int = 128
    max_steps: int = 1000
    max_minutes: float | None = None
    seed: int = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: str = "auto"
    compile: bool = False
    sources: dict[str, float] = field(default_factory=dict)


#: Keys that may change when training resumes: they alter neither the samples nor the model.
FREE_TO_CHANGE = ("max_steps", "max_minutes", "evaluation.", "checkpoint.", "log.", "batch.micro_batch_size")


def load_config(path: Path, settings: Iterable[str] = ()) -> TrainConfig:
    """Read a YAML config, or one shipped by its bare name ("train-small"), and apply `key=value` settings over it.

    TrainerError names the key and the mend.
    """
    import yaml

    from shards.yaml_text import parse_yaml

    path = _find(path)
    try:
        content = parse_yaml(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise TrainerError(f"{path}:{line} is not YAML: {getattr(error, 'problem', error)}") from None
    except UnicodeDecodeError:
        raise TrainerError(f"{path}: not a text file; give a training config in YAML") from None
    content = {} if content is None else content
    for setting in settings:
        _apply_setting(content, setting)
    return parse_config(content, str(path))


def parse_config(content: Any, where: str = "config") -> TrainConfig:
    """Build a config from nested dictionaries, as YAML gives them."""
    config: TrainConfig = _build(TrainConfig, content, where, "")
    _check(config, where)
    return config


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """The config as dotted keys: {"model.layers": 6, ...}."""
    flat: dict[str, Any] = {}
    for entry in fields(config):
        value = getattr(config, entry.name)
        if is_dataclass(value):
            flat.update(flatten(value, f"{prefix}{entry.name}."))
        else:
            flat[prefix + entry.name] = value
    return flat


def unflatten(flat: dict[str, Any], where: str = "recorded config") -> TrainConfig:
    """The inverse of `flatten`; a TrainerError begins with `where`."""
    content: dict[str, Any] = {}
    for key, value in flat.items():
        *path, last = key.split(".")
        place = content
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise TrainerError(f"{where}: {key} lies in a value, not in a section")
        place[last] = value
    return parse_config(content, where)


def differences(recorded: dict[str, Any], config: TrainConfig) -> list[str]:
    """What keeps `config` from going on where a run with the `recorded` (flattened) config stopped."""
    current = flatten(config)
    keys = [key for key in {**recorded, **current} if not key.startswith(FREE_TO_CHANGE)]
    changed = [key for key in keys if recorded.get(key) != current.get(key)]
    return [f"{key} was {recorded.get(key)!r}, now {current.get(key)!r}" for key in changed]


def _find(path: Path) -> Path:
    """The file itself, else the shipped config of that name; TrainerError lists the shipped ones."""
    if path.exists() and not path.is_dir():
        return path
    shipped = {file.stem: file for file in sorted(CONFIG_FOLDER.glob("train-*.yaml"))}
    if path.parent in (Path(), Path("recipes")) and path.suffix in ("", ".yaml") and path.stem in shipped:
        return shipped[path.stem]
    reason = "a folder, not a training config" if path.is_dir() else "no such training config"
    raise TrainerError(f"{path}: {reason}; give a YAML file or a shipped config: {', '.join(shipped)}")


def _apply_setting(content: Any, setting: str) -> None:
    import yaml

    from shards.yaml_text import parse_yaml

    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise TrainerError(f"--set {setting}: write it as key=value, for example optimizer.learning_rate=1e-3")
    *path, last = key.strip().split(".")
    for part in path:
        if not isinstance(content, dict):
            break
        if content.get(part) is None:
            content[part] = {}
        content = content[part]
    if not isinstance(content, dict):
        raise TrainerError(f"--set {setting}: {'.'.join(path)} is a value, not a section")
    try:
        content[last] = parse_yaml(text)
    except yaml.YAMLError:
        raise TrainerError(f"--set {setting}: {text!r} is not a YAML value") from None


def _build(kind: Any, content: Any, where: str, prefix: str) -> Any:
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise TrainerError(f"{where}: {prefix.rstrip('.') or 'the config'} must be keys with values")
    hints = typing.get_type_hints(kind)
    values = {}
    for key, value in content.items():
        if key not in hints:
            raise TrainerError(f"{where}: unknown key {prefix}{key}{_nearest(str(key), prefix)}")
        if is_dataclass(hints[key]):
            values[key] = _build(hints[key], value, where, f"{prefix}{key}.")
        else:
            values[key] = _convert(hints[key], value, where, prefix + key)
    return kind(**values)


def _nearest(key: str, prefix: str) -> str:
    """A hint at the valid key that was probably meant, in this section first, then anywhere."""
    everywhere = [*flatten(TrainConfig()), *(entry.name for entry in fields(TrainConfig))]
    by_last = {name.rsplit(".", 1)[-1]: name for name in everywhere}
    found = difflib.get_close_matches(prefix + key, everywhere, n=1, cutoff=0.75)
    if not found:
        found = [by_last[name] for name in difflib.get_close_matches(key, list(by_last), n=1, cutoff=0.6)]
    return f"; did you mean {found[0]}?" if found else ""


def _convert(hint: Any, value: Any, where: str, key: str) -> Any:
    """`value` as the annotated kind: whole numbers pass for float, and so do texts like 1e-3."""
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)
    if value is None and type(None) in kinds:
        return None
    kind = kinds[0]
    if typing.get_origin(kind) is Literal:
        if value in typing.get_args(kind):
            return value
        raise TrainerError(f"{where}: {key} is {value!r}; must be one of {', '.join(typing.get_args(kind))}")
    if typing.get_origin(kind) is dict:
        return dict(_weights(value, where, key))
    if kind is float and not isinstance(value, bool):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    elif isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise TrainerError(f"{where}: {key} is {value!r}; must be {_WORDS[kind]}")


_WORDS = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text"}


def _weights(value: Any, where: str, key: str) -> Iterator[tuple[str, float]]:
    if not isinstance(value, dict):
        raise TrainerError(f"{where}: {key} must be source names with weights")
    for name, weight in value.items():
        number = _convert(float, weight, where, f"{key}.{name}")
        if number < 0:
            raise TrainerError(f"{where}: {key}.{name} is {weight!r}; must be 0 or more")
        yield str(name), number


def _check(config: TrainConfig, where: str) -> None:
    """Bounds that no type expresses."""

    def refuse(key: str, must: str) -> None:
        raise TrainerError(f"{where}: {key} is {flatten(config)[key]!r}; must be {must}")

    flat = flatten(config)
    for key in _AT_LEAST_ONE:
        if flat[key] is not None and flat[key] < 1:
            refuse(key, "at least 1")
    for key in _NOT_NEGATIVE:
        if flat[key] is not None and flat[key] < 0:
            refuse(key, "0 or more")
    for key in ("optimizer.beta1", "optimizer.beta2"):
        if not 0 <= flat[key] < 1:
            refuse(key, "0 or more and less than 1")
    if not 0 <= config.schedule.final_fraction <= 1:
        refuse("schedule.final_fraction", "between 0 and 1")
    for key in ("max_minutes", "model.rope_base"):
        if flat[key] is not None and flat[key] <= 0:
            refuse(key, "more than 0")
    if not 0 <= config.seed < 1 << 63:
        refuse("seed", "0 or more and less than 2^63")
    if not _DEVICE.fullmatch(config.device):
        refuse("device", "auto, cpu, cuda, cuda:NUMBER or mps")
    if config.model.width % (2 * config.model.heads):
        refuse("model.width", f"a multiple of twice model.heads ({2 * config.model.heads})")
    if config.model.heads % config.model.key_value_heads:
        refuse("model.key_value_heads", f"a divisor of model.heads ({config.model.heads})")
    if not math.isfinite(sum(config.sources.values())):
        refuse("sources", "weights with a finite sum")


_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?|mps")
_AT_LEAST_ONE = (
    "model.layers",
    "model.width",
    "model.heads",
    "model.key_value_heads",
    "model.hidden",
    "batch.global_batch_size",
    "batch.micro_batch_size",
    "evaluation.every",
    "evaluation.windows",
    "checkpoint.every",
    "checkpoint.keep",
    "log.every",
    "sequence_length",
    "max_steps",
)
_NOT_NEGATIVE = (
    "optimizer.learning_rate",
    "optimizer.embedding_learning_rate",
    "optimizer.epsilon",
    "optimizer.weight_decay",
    "optimizer.gradient_clip",
    "schedule.warmup_steps",
    "model.norm_epsilon",
)
