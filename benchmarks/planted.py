"""What a deduplication did to the planted pairs of a corpus made by benchmarks/near_duplicates.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

EDGES = (0.0, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.01)
#: From here on two documents count as near-duplicates.
SIMILAR = 0.8


@dataclass(frozen=True)
class Planted:
    """Pairs among the first `documents` of a corpus: ids as numbers, aligned with their true Jaccard similarity."""

    documents: int
    a: np.ndarray
    b: np.ndarray
    jaccard: np.ndarray

    @classmethod
    def load(cls, corpus: Path, documents: int) -> Planted:
        table = pq.read_table(corpus / "truth.parquet")
        a, b = (pc.cast(table[name], "int64").to_numpy() for name in ("id_a", "id_b"))
        inside = (a < documents) & (b < documents)
        return cls(documents, a[inside], b[inside], table["jaccard"].to_numpy()[inside])

    def found(self, kept: np.ndarray) -> list[tuple[int, int]]:
        """For each bin of EDGES: pairs alone in their cluster, and of how many a document was removed.

        In larger clusters a document may be gone for another's sake.
        """
        times = np.bincount(np.concatenate([self.a, self.b]), minlength=self.documents)
        alone = (times[self.a] == 1) & (times[self.b] == 1)
        removed = ~(kept[self.a] & kept[self.b])
        pairs, _ = np.histogram(self.jaccard[alone], bins=EDGES)
        hits, _ = np.histogram(self.jaccard[alone & removed], bins=EDGES)
        return list(zip(pairs.tolist(), hits.tolist(), strict=True))

    def without_twin(self, kept: np.ndarray) -> int:
        """How many documents were removed to which no other is as similar as SIMILAR."""
        similar = self.jaccard >= SIMILAR
        has_twin = np.zeros(self.documents, dtype=bool)
        has_twin[self.a[similar]] = has_twin[self.b[similar]] = True
        return int((~kept & ~has_twin).sum())


def as_kept(ids: Iterable[str], documents: int) -> np.ndarray:
    """bool[documents]: whether each number is among the ids."""
    kept = np.zeros(documents, dtype=bool)
    kept[np.fromiter(map(int, ids), dtype=np.int64)] = True
    return kept


def recall(found: list[tuple[int, int]]) -> float:
    """Share of the pairs of SIMILAR or more of which a document was removed."""
    similar = [row for low, row in zip(EDGES, found, strict=False) if low >= SIMILAR]
    return sum(hits for _, hits in similar) / max(sum(pairs for pairs, _ in similar), 1)
