"""The weights of the block classifier: two rounds of trees, kept in one compressed file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from stages.extraction.forest import Forest, forest_of
from stages.extraction.page_table import Trees

#: Weights trained by `python -m benchmarks.extraction_training` on all annotated pages.
WEIGHTS = Path(__file__).with_name("weights.npz")
_TYPES = {
    "roots": np.int32,
    "depths": np.int32,
    "features": np.int32,
    "thresholds": np.float32,
    "children": np.int32,
    "values": np.int32,
}


@dataclass(frozen=True)
class Model:
    """A block is kept when the second round's score is above zero: when it is more likely main content than not."""

    first: Trees
    second: Trees

    @cached_property
    def forests(self) -> tuple[Forest, Forest]:
        """The two rounds as `score_blocks` takes them."""
        return forest_of(self.first), forest_of(self.second)

    def save(self, path: Path) -> None:
        arrays = {f"first_{name}": array for name, array in self.first._asdict().items()}
        arrays |= {f"second_{name}": array for name, array in self.second._asdict().items()}
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @staticmethod
    def load(path: Path) -> Model:
        with np.load(path) as stored:
            first, second = (
                Trees(*(stored[f"{part}_{name}"].astype(kind) for name, kind in _TYPES.items()))
                for part in ("first", "second")
            )
            return Model(first, second)


@cache
def shipped_model() -> Model:
    return Model.load(WEIGHTS)
