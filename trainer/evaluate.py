"""Validation: mean loss in nats a token, and bits per byte of text, which no tokenizer can flatter.

Every token of the split but each shard's first is predicted once, in windows cut as for training (the
last may be shorter), with no context beyond its window. Bits per byte = nats a token / ln 2 * tokens /
UTF-8 bytes of the split's texts, end-of-text tokens counted as tokens. Given a limit, evenly spaced
windows are taken instead, and the split's own ratio of tokens to bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from shards.reader import Shard
from trainer.data import require_known_ids
from trainer.model import Transformer
from trainer.precision import autocast
from trainer.signals import StopRequest


@dataclass(frozen=True)
class Evaluation:
    """`loss` in nats a predicted token; `bits_per_byte` is None where the shards hold no text bytes."""

    loss: float
    bits_per_byte: float | None
    tokens: int
    sources: dict[str, Evaluation] = field(default_factory=dict)


@torch.no_grad()
def evaluate(
    model: Transformer,
    shards: Sequence[Shard],
    sequence_length: int,
    *,
    batch_size: int,
    precision: str = "fp32",
    windows: int | None = None,
    stop: StopRequest | None = None,
) -> Evaluation:
    """Evaluate on at most `windows` windows of the shards (None: every token), overall and by source.

    ShardError where a window holds an id that the model's vocabulary does not; StopNoticed when `stop` was
    requested before the last window.
    """
    device = model.embedding.weight.device
    nats: dict[str, float] = {}
    tokens: dict[str, int] = {}
    was_training = model.training
    model.eval()
    for source, batch in _batches(shards, sequence_length, batch_size, windows, model.vocabulary_size):
        if stop:
            stop.check()
        with autocast(device, precision):
            loss = model.loss(torch.from_numpy(batch).to(device)).item()
        nats[source] = nats.get(source, 0.0) + loss
        tokens[source] = tokens.get(source, 0) + batch.shape[0] * (batch.shape[1] - 1)
    model.train(was_training)
    by_source = {
        name: _summary(nats[name], tokens[name], [shard for shard in shards if shard.entry.source == name])
        for name in sorted(tokens)
    }
    overall = _summary(sum(nats.values()), sum(tokens.values()), shards)
    return Evaluation(overall.loss, overall.bits_per_byte, overall.tokens, by_source)


def _summary(nats: float, tokens: int, shards: Sequence[Shard]) -> Evaluation:
    loss = nats / tokens if tokens else math.nan
    text_bytes = sum(shard.entry.text_bytes for shard in shards)
    all_tokens = sum(shard.entry.tokens for shard in shards)
    bits = loss / math.log(2) * all_tokens / text_bytes if text_bytes else None
    return Evaluation(loss, bits, tokens)


def _batches(
    shards: Sequence[Shard], sequence_length: int, batch_size: int, limit: int | None, vocabulary_size: int
) -> Iterator[tuple[str, np.ndarray]]:
    """(source, windows (n, length + 1) int64), each of one source and one length."""
    places = [
        (number, start) for number, shard in enumerate(shards) for start in range(0, len(shard) - 1, sequence_length)
    ]
    if limit is not None and limit < len(places):
        places = [places[position] for position in np.linspace(0, len(places) - 1, limit).astype(int)]
    held: list[np.ndarray] = []
    source = ""
    for number, start in places:
        window = shards[number].tokens[start : start + sequence_length + 1]
        require_known_ids(window, vocabulary_size, shards[number])
        name = shards[number].entry.source
        if held and (len(held) == batch_size or name != source or len(window) != len(held[0])):
            yield source, np.stack(held).astype(np.int64)
            held = []
        source = name
        held.append(window)
    if held:
        yield source, np.stack(held).astype(np.int64)
