"""The order in which training sees the data: sample i is a pure function of (seed, weights, i).

Windows of `sequence_length` inputs and as many targets are cut within shards, one after another; a
window's last target is the next one's first input, so that every token but a shard's first is predicted
once an epoch. What is left at a shard's end is its tail; tails are counted, not trained on. Each source's
windows are permuted by a bijection keyed by (seed, source, epoch) (trainer/permutation.py), and sources
take turns by weight with the least possible deviation. So the same global order holds for any batch size
and number of processes, resuming needs only the number of samples consumed, and the documents behind
any step can be named afterwards, without anything having been recorded.

    turns: among the sources from s on, the first r samples hold floor(r * f + 1/2) of source s, where f
    is its share of their weight; the others make up the rest in the same way. Exact in integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shards.reader import DocumentSpan, Shard, ShardSet
from trainer.config import TrainConfig
from trainer.errors import TrainerError
from trainer.permutation import permute, round_keys

Array = np.ndarray[Any, Any]

#: Shares are fractions of 2^24, which keeps r * f within 64 bits for up to 2^38 samples.
_SHARE_BITS = 24


@dataclass(frozen=True)
class Sample:
    """Where one sample comes from: its window starts at token `start` of `order.shards[shard]`."""

    number: int
    source: str
    epoch: int
    shard: int
    start: int


@dataclass(frozen=True)
class _Source:
    name: str
    share: int
    shards: Array  # (S,) positions in order.shards
    ends: Array  # (S,) cumulative windows

    @property
    def windows(self) -> int:
        return int(self.ends[-1])


class SampleOrder:
    """The order over the given shards. `weights` maps source names to relative weights (empty: by size)."""

    def __init__(self, shards: Sequence[Shard], sequence_length: int, seed: int, weights: Mapping[str, float]) -> None:
        self.shards = tuple(shards)
        self.sequence_length = sequence_length
        self._seed = seed
        counts = {}
        for name in sorted({shard.entry.source for shard in self.shards}):
            members = [number for number, shard in enumerate(self.shards) if shard.entry.source == name]
            windows = [window_count(len(self.shards[number]), sequence_length) for number in members]
            counts[name] = (np.array(members), np.cumsum(windows))
        self._sources = _with_shares(counts, weights, sequence_length)

    @classmethod
    def of(cls, shards: ShardSet, config: TrainConfig) -> SampleOrder:
        """The order in which training with `config` reads these shards.

        Step n, counted from 1, takes the samples from (n - 1) * global_batch_size to before
        n * global_batch_size.
        """
        return cls(shards.of_split("train"), config.sequence_length, config.seed, config.sources)

    @property
    def windows(self) -> int:
        """Windows of one epoch over every source that is used."""
        return sum(source.windows for source in self._sources)

    @property
    def tail_tokens(self) -> int:
        """Tokens at the ends of shards that no window predicts."""
        return sum((len(shard) - 1) % self.sequence_length for shard in self.shards if len(shard))

    def locate(self, samples: Array) -> tuple[Array, Array]:
        """For sample numbers (N,) int64: positions in `shards` (N,) and first tokens (N,), both int64."""
        return self._place(samples)[2:]

    def sample(self, number: int) -> Sample:
        """Everything about one sample."""
        source, epoch, shard, start = (int(values[0]) for values in self._place(np.array([number])))
        return Sample(number, self._sources[source].name, epoch, shard, start)

    def documents(self, number: int) -> list[DocumentSpan]:
        """The documents whose tokens sample `number` reads or predicts, in order."""
        place = self.sample(number)
        return self.shards[place.shard].documents_between(place.start, place.start + self.sequence_length + 1)

    def _place(self, samples: Array) -> tuple[Array, Array, Array, Array]:
        """Source number, epoch, shard and start of every sample."""
        if len(samples) and not 0 <= int(samples.min()) <= int(samples.max()) < 1 << 38:
            raise ValueError("sample numbers must lie in 0..2^38-1")
        source_of, turn = self._turns(samples)
        epoch, shard, start = (np.zeros(len(samples), dtype=np.int64) for _ in range(3))
        for number, source in enumerate(self._sources):
            mine = np.flatnonzero(source_of == number)
            epoch[mine], position = np.divmod(turn[mine], source.windows)
            for once in np.unique(epoch[mine]):
                now = epoch[mine] == once
                keys = round_keys("order", self._seed, source.name, once)
                window = permute(position[now], source.windows, keys)
                member = np.searchsorted(source.ends, window, side="right")
                before = np.where(member > 0, source.ends[member - 1], 0)
                shard[mine[now]] = source.shards[member]
                start[mine[now]] = (window - before) * self.sequence_length
        return source_of, epoch, shard, start

    def _turns(self, samples: Array) -> tuple[Array, Array]:
        """Whose turn each sample is, and how many turns that source has had before."""
        source_of = np.zeros(len(samples), dtype=np.int64)
        rest = samples.astype(np.int64).copy()
        waiting = np.arange(len(samples))
        half = 1 << (_SHARE_BITS - 1)
        for number, source in enumerate(self._sources):
            ranks = rest[waiting]
            had = (ranks * source.share + half) >> _SHARE_BITS
            takes = ((ranks + 1) * source.share + half) >> _SHARE_BITS > had
            source_of[waiting[takes]] = number
            rest[waiting[takes]] = had[takes]
            rest[waiting[~takes]] -= had[~takes]
            waiting = waiting[~takes]
        return source_of, rest


def window_count(tokens: int, sequence_length: int) -> int:
    """Whole windows of a shard: each needs `sequence_length` targets, and the first token is never one."""
    return max(tokens - 1, 0) // sequence_length


def _with_shares(
    counts: dict[str, tuple[Array, Array]], weights: Mapping[str, float], sequence_length: int
) -> list[_Source]:
    """The sources with a weight, and each one's share among those from it on."""
    if weights:
        unknown = sorted(set(weights) - set(counts))
        missing = sorted(set(counts) - set(weights))
        if unknown:
            raise TrainerError(f"sources: no source {unknown[0]!r}; the shards have {', '.join(counts)}")
        if missing:
            raise TrainerError(f"sources: {missing[0]!r} has no weight; give it one (0 leaves it out)")
    used = {name: float(weights[name] if weights else ends[-1]) for name, (_, ends) in counts.items()}
    used = {name: weight for name, weight in used.items() if weight > 0}
    if weights and not used:
        raise TrainerError("sources: every weight is 0; give at least one source more")
    if not used:
        raise TrainerError(f"no shard holds a window of sequence_length {sequence_length}; lower it or add documents")
    left = sum(used.values())
    sources: list[_Source] = []
    for name, weight in used.items():
        members, ends = counts[name]
        if ends[-1] == 0:
            raise TrainerError(f"sources: {name!r} has no window of sequence_length {sequence_length}")
        share = round(weight / left * (1 << _SHARE_BITS)) if len(sources) < len(used) - 1 else 1 << _SHARE_BITS
        sources.append(_Source(name, min(share, 1 << _SHARE_BITS), members, ends))
        left -= weight
    return sources
