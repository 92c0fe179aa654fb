"""A small shard set of learnable tokens, and a config that trains on it within seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shards.writer import write_shard_set
from trainer.config import TrainConfig, parse_config

# Matrices this small gain nothing from threads, and lose much where other processes hold the cores.
torch.set_num_threads(1)

VOCABULARY = 61
END = 0


def make_documents(count: int, seed: int) -> list[list[int]]:
    """Sequences in which each token is mostly its predecessor plus a step that the document keeps."""
    generator = np.random.default_rng(seed)
    documents = []
    for _ in range(count):
        start, step = generator.integers(1, VOCABULARY - 1), generator.integers(1, 4)
        line = (start + step * np.arange(generator.integers(5, 60))) % (VOCABULARY - 1) + 1
        documents.append(line.tolist())
    return documents


def make_shards(folder: Path, seed: int = 1) -> Path:
    for split, source, count in [("train", "a", 120), ("train", "b", 60), ("val", "a", 12), ("val", "b", 12)]:
        documents = make_documents(count, seed + len(split) + ord(source))
        write_shard_set(
            folder,
            documents,
            vocabulary_size=VOCABULARY,
            end_of_text=END,
            text_bytes=[3 * len(document) for document in documents],
            split=split,
            source=source,
            shard_tokens=1500,
        )
    return folder


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shards(tmp_path_factory.mktemp("set") / "shards")


SMALL: dict[str, Any] = {
    "model": {"layers": 2, "width": 32, "heads": 4, "key_value_heads": 2, "hidden": 48},
    "batch": {"global_batch_size": 6},
    "sequence_length": 16,
    "max_steps": 12,
    "precision": "fp32",
    "schedule": {"warmup_steps": 3},
    "evaluation": {"every": 5, "windows": None},
    "checkpoint": {"every": 4},
}


def small_config(**changes: Any) -> TrainConfig:
    """SMALL with some top-level keys replaced; sections are merged."""
    content = {**SMALL}
    for key, value in changes.items():
        content[key] = {**content.get(key, {}), **value} if isinstance(value, dict) else value
    return parse_config(content)
