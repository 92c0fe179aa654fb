"""Signals: noticed between batches, with nothing half done, and obeyed at once when they come again."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shards.reader import ShardSet
from tests.trainer.conftest import small_config
from tests.trainer.test_training import assert_bit_for_bit, losses
from trainer import evaluate, loop
from trainer.checkpoint import checkpoints, read_state
from trainer.errors import Stopped
from trainer.log import read_log
from trainer.loop import TorchTrainer

ROOT = Path(__file__).parents[2]
CONFIG = small_config(batch={"micro_batch_size": 2})


def signalled_at(call: int, work: Callable[..., Any]) -> Callable[..., Any]:
    """`work`, during whose given call (the first is 1) this process receives SIGTERM."""
    calls = 0

    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGTERM)
        return work(*arguments)

    return counted


@pytest.fixture(scope="module")
def whole(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TorchTrainer().fit(shards, CONFIG, tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("call", [13, None])
def test_stopped_within_a_step_and_resumed_equals_uninterrupted(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path, call: int | None
) -> None:
    # Three micro-batches a step: call 13 falls just after the checkpoint of step 4; None is any other.
    call = call or random.randint(4, 34)
    step = call // 3
    with monkeypatch.context() as patch:
        patch.setattr(loop, "load_known_windows", signalled_at(call, loop.load_known_windows))
        with pytest.raises(Stopped, match=f"after step {step} with a checkpoint"):
            TorchTrainer().fit(shards, CONFIG, tmp_path)
    assert read_state(checkpoints(tmp_path)[-1]).step == step
    assert_bit_for_bit(whole, TorchTrainer().fit(shards, CONFIG, tmp_path))
    assert losses(whole.parent) == losses(tmp_path)


@pytest.mark.parametrize("validation", [0, 2])
def test_stopped_within_a_validation_and_resumed_equals_uninterrupted(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path, validation: int
) -> None:
    windows = sum(-(-(len(shard) - 1) // 16) for shard in ShardSet.open(shards).of_split("val"))
    step = [5, 10, 12][validation]
    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "require_known_ids", signalled_at(validation * windows + 5, evaluate.require_known_ids))
        with pytest.raises(Stopped, match=f"after step {step} with a checkpoint"):
            TorchTrainer().fit(shards, CONFIG, tmp_path)
    assert not any("validation_loss" in record for record in read_log(tmp_path / "log.jsonl") if record["step"] == step)
    assert_bit_for_bit(whole, TorchTrainer().fit(shards, CONFIG, tmp_path))
    assert losses(whole.parent) == losses(tmp_path)


def test_stopped_within_the_first_step_begins_again(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(loop, "load_known_windows", signalled_at(1, loop.load_known_windows))
        with pytest.raises(Stopped, match="begins again"):
            TorchTrainer().fit(shards, CONFIG, tmp_path)
    assert checkpoints(tmp_path) == []
    assert_bit_for_bit(whole, TorchTrainer().fit(shards, CONFIG, tmp_path))


def test_the_first_signal_is_answered_and_a_second_ends_at_once() -> None:
    # One call of minutes that gives the interpreter no chance to run a handler, as torch's backward does not.
    code = (
        "import hashlib\n"
        "from trainer.signals import StopRequest\n"
        "with StopRequest():\n"
        "    print('ready', flush=True)\n"
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 1 << 30)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == "ready\n"
        # As `timeout` does: to the process and to its group, in which it is.
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.stderr.readline() == "stopping at the next batch; again to stop at once\n"
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == "stopped at once; the same command goes on from the last checkpoint\n"
        assert process.wait() == 1


def test_signals_act_as_before_when_training_is_over(shards: Path, tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    TorchTrainer().fit(shards, small_config(max_steps=1), tmp_path)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert signal.set_wakeup_fd(-1) == -1
