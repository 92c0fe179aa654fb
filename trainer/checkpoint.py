"""Checkpoints: everything that the next step depends on, whole or absent, and named by its data.

    OUT/step-00000120/checkpoint.json       step, samples, seconds, plan, config, shard set and tokenizer
                      model.safetensors     the model's parameters, fp32
                      optimizer.safetensors AdamW's moments, and the random number generators' states
                      tokenizer.json        a copy, so that the folder is all that sampling needs

Written to a temporary folder, every file and the folder synced, then renamed. A checkpoint holds
three numbers for each parameter, 12 bytes. checkpoint.json gives the sha256 of both weight files, which
loading proves, at about a second a GB.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from shards.index import ShardIndex
from trainer.config import ModelShape, TrainConfig, unflatten
from trainer.errors import TrainerError
from trainer.model import Transformer
from trainer.text import TOKENIZER_NAME

FORMAT_VERSION = 1
STATE_NAME = "checkpoint.json"
MODEL_NAME = "model.safetensors"
_OPTIMIZER_NAME = "optimizer.safetensors"
_TEMPORARY = ".tmp-"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class CheckpointState:
    """checkpoint.json: where training stands and what it stands on. `config` is flattened.

    `sha256` gives the checksums of the weight files by name; older checkpoints have none.
    """

    step: int
    samples: int
    seconds: float
    planned_steps: int
    vocabulary_size: int
    end_of_text: int
    tokenizer_sha256: str
    shards_digest: str
    config: dict[str, Any]
    sha256: dict[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def train_config(self) -> TrainConfig:
        return unflatten(self.config)


def write_checkpoint(
    out: Path,
    state: CheckpointState,
    model: Transformer,
    optimizer: torch.optim.Optimizer,
    tokenizer: Path | None,
    keep: int,
) -> Path:
    """Write OUT/step-NNNNNNNN and remove all but the newest `keep` checkpoints."""
    target = out / f"step-{state.step:08d}"
    temporary = out / f"{_TEMPORARY}{os.getpid()}-{target.name}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    save_file({name: value.cpu().contiguous() for name, value in model.state_dict().items()}, temporary / MODEL_NAME)
    save_file(_optimizer_tensors(model, optimizer), temporary / _OPTIMIZER_NAME)
    state = replace(state, sha256={name: _sha256(temporary / name) for name in (MODEL_NAME, _OPTIMIZER_NAME)})
    if tokenizer:
        shutil.copyfile(tokenizer, temporary / TOKENIZER_NAME)
    (temporary / STATE_NAME).write_text(json.dumps(asdict(state), indent=1) + "\n", "utf-8")
    for path in temporary.iterdir():
        path.chmod(0o644)
        _sync(path)
    _sync(temporary)
    if target.exists():
        shutil.rmtree(target)
    temporary.rename(target)
    _sync(out)
    for old in checkpoints(out)[:-keep]:
        # Renamed first, so that no half of it is ever taken for a checkpoint.
        shutil.rmtree(old.rename(out / f"{_TEMPORARY}{os.getpid()}-{old.name}"))
    return target


def checkpoints(out: Path) -> list[Path]:
    """The whole checkpoints under `out`, oldest first."""
    return sorted(path.parent for path in out.glob(f"step-*/{STATE_NAME}"))


def find_checkpoint(path: Path) -> Path:
    """`path` itself where it is a checkpoint, else the newest one below it; TrainerError when there is none."""
    if (path / STATE_NAME).is_file():
        return path
    found = checkpoints(path)
    if not found:
        raise TrainerError(f"{path}: no checkpoint here; give a training's --out folder or one of its step-* folders")
    return found[-1]


def remove_unfinished(out: Path) -> None:
    """Delete what a killed writer left; call only while nothing else trains into `out`."""
    for path in out.glob(f"{_TEMPORARY}*-step-*"):
        shutil.rmtree(path, ignore_errors=True)


def read_state(checkpoint: Path) -> CheckpointState:
    """checkpoint.json, every key of its kind and the config valid; TrainerError names the file."""
    path = checkpoint / STATE_NAME
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise TrainerError(f"{path}: damaged ({error}); {_mend(checkpoint)}") from None
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise TrainerError(f"{path}: format_version {version!r}; this version reads {FORMAT_VERSION}")
    values = {}
    for entry in fields(CheckpointState):
        if entry.name in content:
            values[entry.name] = content[entry.name]
            if not isinstance(values[entry.name], _KINDS[str(entry.type)]):
                raise TrainerError(f"{path}: {entry.name} must be {entry.type}; {_mend(checkpoint)}")
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise TrainerError(f"{path}: no key {entry.name}; {_mend(checkpoint)}")
    unflatten(values["config"], f"{path}: config")
    return CheckpointState(**values)


#: What JSON gives for the kinds of CheckpointState's keys.
_KINDS: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "str": str,
    "dict[str, Any]": dict,
    "dict[str, str]": dict,
}


def require_same_data(checkpoint: Path, state: CheckpointState, index: ShardIndex, shards: Path) -> None:
    """Refuse shards other than those the checkpoint was trained on, in one line that says which differs."""
    require_same_tokenizer(checkpoint, state, index, shards)
    if state.shards_digest != index.digest:
        raise TrainerError(
            f"{checkpoint}: trained on shard set {state.shards_digest[:12]}…, {shards} is "
            f"{index.digest[:12]}…; give the same shards or another --out"
        )


def require_same_tokenizer(checkpoint: Path, state: CheckpointState, index: ShardIndex, shards: Path) -> None:
    """Refuse shards whose ids mean something else."""
    ours = (state.tokenizer_sha256, state.vocabulary_size, state.end_of_text)
    theirs = (index.tokenizer_sha256, index.vocabulary_size, index.end_of_text)
    if ours != theirs:
        raise TrainerError(
            f"{checkpoint}: made with tokenizer {ours[0][:12]}… of {ours[1]} entries, {shards} with "
            f"{theirs[0][:12]}… of {theirs[1]}; give shards of the same tokenizer"
        )


def load_model(checkpoint: Path, device: torch.device) -> tuple[Transformer, CheckpointState]:
    """The model of a checkpoint, ready to sample or evaluate."""
    state = read_state(checkpoint)
    shape: ModelShape = state.train_config().model
    model = Transformer(shape, state.vocabulary_size)
    restore_model(checkpoint, state, model)
    return model.to(device).eval(), state


def restore_model(checkpoint: Path, state: CheckpointState, model: Transformer) -> None:
    """The parameters, into `model`; TrainerError names the file where they are damaged or not numbers."""
    path = checkpoint / MODEL_NAME
    tensors = _load(path, state)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise TrainerError(f"{path}: does not fit its config: {reason}") from None
    unusable = [name for name, parameter in model.named_parameters() if not torch.isfinite(parameter).all()]
    if unusable:
        raise TrainerError(f"{path}: {unusable[0]} holds what is not a number; {_mend(checkpoint)}")


def restore_optimizer(
    checkpoint: Path, state: CheckpointState, model: Transformer, optimizer: torch.optim.Optimizer
) -> None:
    """Moments and step counts of every parameter by name, and the random number generators."""
    path = checkpoint / _OPTIMIZER_NAME
    tensors = _load(path, state)
    for name, parameter in model.named_parameters():
        for key in _MOMENTS:
            shape = () if key == "step" else parameter.shape
            found = tensors.get(f"{key}.{name}")
            if found is None or found.shape != shape:
                raise TrainerError(f"{path}: no tensor {key}.{name} that fits the model; {_mend(checkpoint)}")
        optimizer.state[parameter] = {key: tensors[f"{key}.{name}"].to(parameter.device) for key in _MOMENTS}
    try:
        torch.set_rng_state(tensors["random.cpu"])
    except (KeyError, TypeError, RuntimeError):
        raise TrainerError(f"{path}: no state random.cpu that torch takes; {_mend(checkpoint)}") from None
    if "random.cuda" in tensors:
        with suppress(RuntimeError):
            torch.cuda.set_rng_state(tensors["random.cuda"])


def _optimizer_tensors(model: Transformer, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state[parameter].items():
            tensors[f"{key}.{name}"] = value.cpu().contiguous()
    return tensors


def _load(path: Path, state: CheckpointState) -> dict[str, Tensor]:
    try:
        if state.sha256.get(path.name) not in (None, _sha256(path)):
            raise TrainerError(f"{path}: damaged, its sha256 is not {STATE_NAME}'s; {_mend(path.parent)}")
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise TrainerError(f"{path}: damaged or missing ({error}); {_mend(path.parent)}") from None
    return tensors


def _mend(checkpoint: Path) -> str:
    """What helps against a checkpoint that cannot be used."""
    checkpoint = checkpoint.resolve()
    older = [path for path in checkpoints(checkpoint.parent) if path.name < checkpoint.name]
    if older:
        return f"delete {checkpoint.name} to use {older[-1].name}"
    return f"there is no older checkpoint; delete {checkpoint.name} to train from the start"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
