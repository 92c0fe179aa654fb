"""Validation loss and bits per byte, against sums taken token by token."""

import math
from pathlib import Path

import pytest
import torch

from shards.reader import ShardSet
from tests.trainer.conftest import VOCABULARY, small_config
from trainer.evaluate import evaluate
from trainer.model import Transformer


@pytest.fixture
def model() -> Transformer:
    model = Transformer(small_config().model, VOCABULARY)
    model.initialise(0)
    return model


def test_every_token_but_the_first_counts_once(shards: Path, model: Transformer) -> None:
    validation = ShardSet.open(shards).of_split("val")
    nats, predicted = 0.0, 0
    for shard in validation:
        tokens = torch.from_numpy(shard.tokens.astype("int64"))
        for start in range(0, len(tokens) - 1, 16):
            window = tokens[start : start + 17]
            logits = model(window[None, :-1])[0].log_softmax(-1)
            nats -= float(logits[torch.arange(len(window) - 1), window[1:]].sum().detach())
            predicted += len(window) - 1
    result = evaluate(model, validation, 16, batch_size=5)
    assert result.tokens == predicted == sum(len(shard) - 1 for shard in validation)
    assert result.loss == pytest.approx(nats / predicted, rel=1e-5)
    text_bytes = sum(int(shard.text_bytes.sum()) for shard in validation)
    expected = nats / predicted / math.log(2) * sum(map(len, validation)) / text_bytes
    assert result.bits_per_byte == pytest.approx(expected, rel=1e-5)
    assert set(result.sources) == {"a", "b"}
    assert sum(part.tokens for part in result.sources.values()) == result.tokens


def test_batches_change_nothing_and_a_limit_takes_fewer(shards: Path, model: Transformer) -> None:
    validation = ShardSet.open(shards).of_split("val")
    whole = evaluate(model, validation, 16, batch_size=1)
    assert evaluate(model, validation, 16, batch_size=64).loss == pytest.approx(whole.loss, rel=1e-6)
    part = evaluate(model, validation, 16, batch_size=8, windows=10)
    assert 0 < part.tokens <= 160
    assert part.loss == pytest.approx(whole.loss, rel=0.1)
    assert model.training
