"""Batches of windows from memory-mapped shards: one copy, from uint16 or uint32 to the int64 torch wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.data import require_known_ids
from trainer.order import SampleOrder

if TYPE_CHECKING:
    import torch


def load_windows(order: SampleOrder, first: int, count: int) -> torch.Tensor:
    """Samples first..first+count-1 as (count, sequence_length + 1) int64: inputs and, shifted by one, targets.

    Reads from disk only what the windows cover; throughput is bounded by memory, not by Python, from
    windows of about 64 tokens on.
    """
    import torch

    shard, start = order.locate(np.arange(first, first + count))
    width = order.sequence_length + 1
    windows = np.empty((count, width), dtype=np.int64)
    for row in range(count):
        windows[row] = order.shards[shard[row]].tokens[start[row] : start[row] + width]
    return torch.from_numpy(windows)


def load_known_windows(order: SampleOrder, first: int, count: int, vocabulary_size: int) -> torch.Tensor:
    """As `load_windows`; a ShardError names the shard that holds an id outside the vocabulary."""
    windows = load_windows(order, first, count)
    if int(windows.max()) >= vocabulary_size:
        for row, shard in enumerate(order.locate(np.arange(first, first + count))[0]):
            require_known_ids(windows[row].numpy(), vocabulary_size, order.shards[shard])
    return windows
