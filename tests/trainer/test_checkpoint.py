"""Damaged checkpoints: one line that names the file, and a mend that is true."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.trainer.conftest import small_config
from trainer.checkpoint import checkpoints, load_model, read_state
from trainer.errors import TrainerError
from trainer.loop import TorchTrainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An --out folder with the checkpoints of steps 4 and 6."""
    out = tmp_path_factory.mktemp("trained")
    TorchTrainer().fit(shards, small_config(max_steps=6, checkpoint={"keep": 2}), out)
    return out


@pytest.fixture
def out(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "out"))


def resume(shards: Path, out: Path) -> Path:
    return TorchTrainer().fit(shards, small_config(max_steps=8), out)


def change_state(checkpoint: Path, **changes: Any) -> None:
    path = checkpoint / "checkpoint.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_tensors(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change a weight file, and the checkpoint into one that records no checksum, as older ones."""
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    change_state(path.parent, sha256={})


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors"])
def test_a_flipped_bit_in_the_weights_is_noticed(shards: Path, out: Path, name: str) -> None:
    path = checkpoints(out)[-1] / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(TrainerError, match=f"{name}: damaged.*; delete step-00000006 to use step-00000004"):
        resume(shards, out)
    if name == "model.safetensors":
        with pytest.raises(TrainerError, match=f"{name}: damaged"):
            load_model(path.parent, CPU)
    shutil.rmtree(path.parent)
    assert read_state(resume(shards, out)).step == 8


def test_a_checkpoint_without_checksums_loads(shards: Path, out: Path) -> None:
    path = checkpoints(out)[-1] / "checkpoint.json"
    content = json.loads(path.read_text())
    assert sorted(content.pop("sha256")) == ["model.safetensors", "optimizer.safetensors"]
    path.write_text(json.dumps(content))
    load_model(path.parent, CPU)
    assert read_state(resume(shards, out)).step == 8


def test_no_older_checkpoint_is_promised_where_there_is_none(out: Path) -> None:
    older, newest = checkpoints(out)
    shutil.rmtree(older)
    (newest / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(TrainerError, match="no older checkpoint; delete step-00000006 to train from the start"):
        load_model(newest, CPU)


@pytest.mark.parametrize("name", ["exp_avg.embedding.weight", "step.norm.weight", "random.cpu"])
def test_a_missing_tensor_of_the_optimizer_is_named(shards: Path, out: Path, name: str) -> None:
    change_tensors(checkpoints(out)[-1] / "optimizer.safetensors", lambda tensors: tensors.pop(name))
    with pytest.raises(TrainerError, match=f"optimizer.safetensors: no .* {name} .*; delete step-00000006"):
        resume(shards, out)


def test_weights_that_are_no_numbers_are_refused(out: Path) -> None:
    change_tensors(
        checkpoints(out)[-1] / "model.safetensors", lambda tensors: tensors["norm.weight"].fill_(float("nan"))
    )
    with pytest.raises(TrainerError, match=r"model.safetensors: norm.weight holds what is not a number"):
        load_model(checkpoints(out)[-1], CPU)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": 5}, r"config must be dict\[str, Any\]"),
        ({"config": {"model": 5, "model.layers": 2}}, "config: model.layers lies in a value"),
        ({"config": {"seed": "x"}}, "config: seed is 'x'"),
        ({"step": "6"}, "step must be int"),
        ({"sha256": []}, r"sha256 must be dict\[str, str\]"),
        ({"format_version": 99}, "format_version 99"),
    ],
)
def test_a_damaged_state_is_named(out: Path, changes: dict[str, Any], words: str) -> None:
    checkpoint = checkpoints(out)[-1]
    change_state(checkpoint, **changes)
    with pytest.raises(TrainerError, match=rf"step-00000006/checkpoint.json: {words}"):
        read_state(checkpoint)
