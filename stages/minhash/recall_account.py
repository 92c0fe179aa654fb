"""How many of the pairs that are truly similar were found: counts by similarity, with intervals.

Shares come with Wilson's score interval (Brown, Cai, DasGupta, "Interval estimation for a binomial proportion", 2001),
which is good for few pairs and for shares near one. It takes pairs for independent; those of one large cluster are not
quite, so its true width is somewhat larger where few clusters have most of the pairs.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from stages.minhash.settings import detection_probability

_CONFIDENCE = 0.95


def recall_account(similarity: np.ndarray, found: np.ndarray, threshold: float, banding: tuple[int, int]) -> dict:
    """All pairs, and those of each twentieth from the threshold to 1; equal sets apart. `found` is bool."""
    edges = [threshold, *(step / 20 for step in range(1, 20) if step / 20 > threshold + 1e-9), 1.0]
    edges = sorted(set(edges))
    bins = np.searchsorted(edges, similarity, side="right") - 1
    entries = []
    for number, (low, high) in enumerate(zip(edges, [*edges[1:], 1.0], strict=True)):
        inside = bins == number
        chances = detection_probability(similarity[inside], *banding)
        entry: dict[str, Any] = {"from": low, "to": high, **_share(found[inside])}
        entry["detection"] = round(float(chances.mean()), 6) if len(chances) else None
        entries.append(entry)
    return {"threshold": threshold, **_share(found), "bins": entries}


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The score interval of a share, at 95 %."""
    z = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2)
    share = successes / trials
    middle = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    shrink = 1 + z * z / trials
    return max((middle - half) / shrink, 0.0), min((middle + half) / shrink, 1.0)


def _share(found: np.ndarray) -> dict[str, Any]:
    pairs, hits = len(found), int(found.sum())
    interval = [round(bound, 6) for bound in wilson(hits, pairs)] if pairs else None
    return {"pairs": pairs, "found": hits, "interval": interval}
