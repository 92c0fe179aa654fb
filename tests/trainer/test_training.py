"""Training: resumed equals uninterrupted bit for bit, and the samples do not depend on how it is run."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from shards.writer import write_shard_set
from tests.trainer.conftest import SMALL, make_shards, small_config
from trainer import loop
from trainer.checkpoint import checkpoints, read_state
from trainer.config import TrainConfig, load_config
from trainer.errors import Stopped, TrainerError, TrainingFailed
from trainer.lock import sole_training
from trainer.log import read_log
from trainer.loop import TorchTrainer
from trainer.model import Transformer
from trainer.signals import StopRequest

TIMES = ("tokens_per_second", "seconds")


def losses(out: Path) -> list[dict[str, float]]:
    """The log without what depends on the clock."""
    return [{key: value for key, value in record.items() if key not in TIMES} for record in read_log(out / "log.jsonl")]


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    return {
        **load_file(checkpoint / "model.safetensors"),
        **load_file(checkpoint / "optimizer.safetensors"),
    }


def assert_bit_for_bit(first: Path, second: Path) -> None:
    ours, theirs = weights(first), weights(second)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def send_signal_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let this process receive SIGTERM while it is in the given step."""
    plain = loop._Run._step

    def stepped(self: loop._Run, stop: StopRequest) -> dict[str, float]:
        values = plain(self, stop)
        if self.position.step == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return values

    monkeypatch.setattr(loop._Run, "_step", stepped)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_stopped_at_a_random_step_and_resumed_equals_uninterrupted(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    config = small_config(precision=precision)
    whole = TorchTrainer().fit(shards, config, tmp_path / "whole")
    step = random.randint(1, config.max_steps - 1)
    with monkeypatch.context() as patch:
        send_signal_after(patch, step)
        with pytest.raises(Stopped, match=f"after step {step}"):
            TorchTrainer().fit(shards, config, tmp_path / "parts")
    resumed = TorchTrainer().fit(shards, config, tmp_path / "parts")
    assert_bit_for_bit(whole, resumed)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")


def test_killed_between_checkpoints_and_resumed_equals_uninterrupted(shards: Path, tmp_path: Path) -> None:
    changes = {"max_steps": 120, "checkpoint": {"every": 7}, "evaluation": {"every": 40}}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**SMALL, **changes}))
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-m", "trainer", "train", str(path), "--shards", str(shards), "--out", str(killed)]
    process = subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    while not checkpoints(killed):
        assert process.poll() is None, "training ended before its first checkpoint"
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.1))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert read_state(checkpoints(killed)[-1]).step < 120
    config = load_config(path)
    assert_bit_for_bit(TorchTrainer().fit(shards, config, whole), TorchTrainer().fit(shards, config, killed))
    assert losses(whole) == losses(killed)
    assert [path.name for path in killed.glob(".tmp-*")] == []


def test_another_micro_batch_size_takes_the_same_samples(shards: Path, tmp_path: Path) -> None:
    whole = TorchTrainer().fit(shards, small_config(), tmp_path / "whole")
    for micro in (1, 4):
        config = small_config(batch={"micro_batch_size": micro})
        split = TorchTrainer().fit(shards, config, tmp_path / f"micro{micro}")
        for ours, theirs in zip(losses(tmp_path / "whole"), losses(split.parent), strict=True):
            assert ours.get("samples") == theirs.get("samples")
            if "loss" in ours:
                assert ours["loss"] == pytest.approx(theirs["loss"], abs=2e-5)
                assert ours["gradient_norm"] == pytest.approx(theirs["gradient_norm"], rel=1e-3)
        for name, value in load_file(whole / "model.safetensors").items():
            torch.testing.assert_close(value, load_file(split / "model.safetensors")[name], atol=2e-3, rtol=0)


def test_resuming_with_another_micro_batch_size_goes_on_with_the_same_samples(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TorchTrainer().fit(shards, small_config(), tmp_path / "whole")
    with monkeypatch.context() as patch:
        send_signal_after(patch, 5)
        with pytest.raises(Stopped):
            TorchTrainer().fit(shards, small_config(), tmp_path / "parts")
    TorchTrainer().fit(shards, small_config(batch={"micro_batch_size": 2}), tmp_path / "parts")
    for ours, theirs in zip(losses(tmp_path / "whole"), losses(tmp_path / "parts"), strict=True):
        assert ours.keys() == theirs.keys()
        assert ours.get("loss", 0) == pytest.approx(theirs.get("loss", 0), abs=2e-5)


def test_the_loss_falls_to_what_can_be_known(shards: Path, tmp_path: Path) -> None:
    config = small_config(max_steps=150, evaluation={"every": 150}, optimizer={"learning_rate": 0.01})
    TorchTrainer().fit(shards, config, tmp_path)
    last = read_log(tmp_path / "log.jsonl")[-1]
    assert last["step"] == 150
    assert last["validation_loss"] < 1.2 < 4.0
    assert last["bits_per_byte"] == pytest.approx(last["validation_loss"] / 0.6931 / 3, rel=0.1)


def test_the_log_describes_every_step_once(shards: Path, tmp_path: Path) -> None:
    TorchTrainer().fit(shards, small_config(), tmp_path)
    records = read_log(tmp_path / "log.jsonl")
    assert {"parameters", "windows", "tail_tokens", "precision"} <= records[0].keys()
    steps = [record for record in records if "loss" in record]
    assert [record["step"] for record in steps] == list(range(1, 13))
    assert [record["samples"] for record in steps] == list(range(6, 73, 6))
    keys = {"step", "loss", "learning_rate", "gradient_norm", "tokens_per_second", "samples", "seconds"}
    assert all(record.keys() == keys for record in steps)
    assert [record["step"] for record in records if "validation_loss" in record] == [5, 10, 12]


def test_finished_training_stays_as_it_is_and_more_steps_go_on(shards: Path, tmp_path: Path) -> None:
    first = TorchTrainer().fit(shards, small_config(), tmp_path)
    before = (tmp_path / "log.jsonl").read_bytes()
    assert TorchTrainer().fit(shards, small_config(), tmp_path) == first
    assert (tmp_path / "log.jsonl").read_bytes() == before
    longer = TorchTrainer().fit(shards, small_config(max_steps=15), tmp_path)
    assert read_state(longer).step == 15
    assert checkpoints(tmp_path) == [longer]


def test_time_ends_training_with_a_checkpoint_and_a_lowered_rate(shards: Path, tmp_path: Path) -> None:
    config = small_config(max_steps=100_000, max_minutes=1.5 / 60, evaluation={"every": 100_000})
    checkpoint = TorchTrainer().fit(shards, config, tmp_path)
    state = read_state(checkpoint)
    records = read_log(tmp_path / "log.jsonl")
    assert state.step < 100_000
    assert any("planned_steps" in record and record["step"] > 0 for record in records)
    assert records[-1]["step"] == state.step
    assert TorchTrainer().fit(shards, config, tmp_path) == checkpoint


def test_a_checkpoint_refuses_other_data_and_other_configs(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    TorchTrainer().fit(shards, small_config(), out)
    other = make_shards(tmp_path / "other", seed=9)
    with pytest.raises(TrainerError, match=r"trained on shard set .*give the same shards or another --out"):
        TorchTrainer().fit(other, small_config(), out)
    with pytest.raises(TrainerError, match=r"another config \(seed was 0, now 1\)"):
        TorchTrainer().fit(shards, small_config(seed=1), out)
    changed = json.loads((other / "index.json").read_text())
    (other / "index.json").write_text(json.dumps({**changed, "tokenizer_sha256": "f" * 64}))
    with pytest.raises(TrainerError, match="made with tokenizer"):
        TorchTrainer().fit(other, small_config(), out)


def test_a_loss_that_is_no_number_stops_and_says_what_to_do(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Transformer, "loss", lambda self, windows: self.norm.weight.sum() * float("nan"))
    with pytest.raises(TrainingFailed, match=r"lower optimizer.learning_rate"):
        TorchTrainer().fit(shards, small_config(), tmp_path)
    assert checkpoints(tmp_path) == []


@pytest.mark.parametrize(
    ("rate", "steps", "words"),
    [
        (1e40, 1, "validation loss after step 1"),
        (1e30, 2, "(loss|gradient_norm) of step"),
        (1e40, 1, "weight or moment .* after step 1"),
    ],
)
def test_training_that_diverges_leaves_no_checkpoint(tmp_path: Path, rate: float, steps: int, words: str) -> None:
    for split in ["train", "val"] if words.startswith("val") else ["train"]:
        write_shard_set(tmp_path / "s", [list(range(1, 60))] * 4, vocabulary_size=61, end_of_text=0, split=split)
    config = small_config(
        max_steps=steps,
        optimizer={"learning_rate": rate},
        schedule={"warmup_steps": 0},
        evaluation={"every": 100},
        checkpoint={"every": 100},
    )
    with pytest.raises(TrainingFailed, match=f"{words}.* is not a number; lower .* and give another --out"):
        TorchTrainer().fit(tmp_path / "s", config, tmp_path / "out")
    assert checkpoints(tmp_path / "out") == []


def test_a_set_without_validation_trains(tmp_path: Path) -> None:
    write_shard_set(tmp_path / "s", [list(range(1, 60))] * 4, vocabulary_size=61, end_of_text=0)
    config: TrainConfig = small_config(max_steps=2)
    assert TorchTrainer().fit(tmp_path / "s", config, tmp_path / "out").is_dir()


def test_a_second_training_in_the_same_folder_is_told_of_the_first(shards: Path, tmp_path: Path) -> None:
    with sole_training(tmp_path), pytest.raises(TrainerError, match=f"process {os.getpid()} on .* is training"):
        TorchTrainer().fit(shards, small_config(), tmp_path)
