"""What any trainer must offer to stand in for ours."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from trainer.config import TrainConfig


class Trainer(Protocol):
    """Trains a model on a shard set."""

    def fit(self, shards: Path, config: TrainConfig, out: Path) -> Path:
        """Train on the folder `shards`, write everything under `out`, return the checkpoint's path.

        Called again with the same arguments it goes on where it stopped.
        """
        ...
