"""The training log: what a crash leaves in it never stops training, and good lines are kept."""

from pathlib import Path

import pytest

from tests.trainer.conftest import small_config
from tests.trainer.test_training import losses
from trainer.log import read_log
from trainer.loop import TorchTrainer

BAD_LINES = [b"5", b"\xff\xfe{}", b'{"loss": 1}', b'{"step": "x"}', b"[" * 100_000, b'{"step": 7, "lo']


def test_unreadable_lines_are_skipped_with_one_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 0}\n' + b"\n".join(BAD_LINES) + b'\n{"step": 1}\n' + b"\0" * 400)
    assert read_log(path) == [{"step": 0}, {"step": 1}]
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning == f"{path}: skipped what cannot be read, lines: {len(BAD_LINES) + 1}"


def test_training_goes_on_over_a_damaged_log(shards: Path, tmp_path: Path) -> None:
    TorchTrainer().fit(shards, small_config(max_steps=6), tmp_path / "damaged")
    path = tmp_path / "damaged" / "log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"5\n", b"\xff\n", *lines[1:], b"\0" * 50]))
    TorchTrainer().fit(shards, small_config(), tmp_path / "damaged")
    TorchTrainer().fit(shards, small_config(max_steps=6), tmp_path / "whole")
    TorchTrainer().fit(shards, small_config(), tmp_path / "whole")
    assert losses(tmp_path / "damaged") == losses(tmp_path / "whole")
