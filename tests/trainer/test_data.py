"""Damaged shards end in one line that names the shard, before a model learns from them."""

import json
from pathlib import Path

import pytest

from shards.errors import ShardError
from tests.trainer.conftest import VOCABULARY, make_shards, small_config
from trainer.data import open_shards
from trainer.evaluate import evaluate
from trainer.loop import TorchTrainer
from trainer.model import Transformer


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return make_shards(tmp_path / "shards")


def test_a_flipped_byte_stops_training_and_names_the_shard(copy: Path, tmp_path: Path) -> None:
    damaged = sorted(copy.glob("*.arrow"))[1]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(ShardError, match=f"{damaged.name}: damaged, .*`corpusmill shards verify"):
        TorchTrainer().fit(copy, small_config(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_shard_is_named(copy: Path) -> None:
    missing = sorted(copy.glob("*.arrow"))[0]
    missing.unlink()
    with pytest.raises(ShardError, match=f"{missing.name}: named by index.json but absent"):
        open_shards(copy)


def test_ids_beyond_the_vocabulary_are_refused_though_checksums_fit(copy: Path, tmp_path: Path) -> None:
    index = json.loads((copy / "index.json").read_text())
    (copy / "index.json").write_text(json.dumps({**index, "vocabulary_size": 30}))
    words = r"\.arrow: holds id \d\d, outside the vocabulary of 30; `corpusmill shards verify"
    with pytest.raises(ShardError, match=words):
        TorchTrainer().fit(copy, small_config(), tmp_path / "out")
    model = Transformer(small_config().model, 30)
    with pytest.raises(ShardError, match=words):
        evaluate(model, open_shards(copy).of_split("val"), 16, batch_size=4)


def test_a_whole_set_opens(copy: Path) -> None:
    assert open_shards(copy).index.vocabulary_size == VOCABULARY
