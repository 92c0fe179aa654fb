"""How many documents deduplication would remove from a corpus, from what it removed of a sample.

A sample of a fraction f of the splits holds both documents of a pair with probability f when one split holds both,
and f^2 when two do. So clusters are looked at split by split:

- Removals *within* a split (documents less distinct clusters in it) are a property of the split, and a total like any
  other (ratio.py): they are not treated here.
- A cluster that lies in m splits makes m - 1 removals *across* splits. From the number q of its splits that were drawn
  m cannot be known: no estimator of distinct values from a sample can be good for every corpus (Charikar,
  Chaudhuri, Motwani and Narasayya, PODS 2000). So bounds are given that hold whatever the clusters are:

      lower   sum of (q - 1) / f: never more than m - 1 on average
      lower   P - T for pairs P and triples T scaled by 1 / f^2 and 1 / f^3 (Bonferroni), and the tangents between
              larger sizes (Dawson and Sankoff 1967); good when the sample is large
      upper   sum over clusters with q >= 2 of max(1 / f^2, q / f): never less than m - 1 on average
      upper   2 P N / (N + 2 P) of N documents: what P pairs remove at most, in clusters of one size

  and 95 % limits of the counts behind them, weighted Poisson (Fay and Feuer, Statistics in Medicine 1997). Clusters
  that the sample saw only once are covered by the weights of those that it saw twice. With unequal fractions,
  1 / f is each split's own weight. The value between the bounds is twice the pairs over the mean cluster size
  2 + 3 T / P: exact for clusters of one size, and all pairs where no triple was seen.

Cost: linear in the documents that have a duplicate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.estimate.interval import CONFIDENCE, Interval, chi_square_quantile

_LARGEST_TANGENT = 50


def removals_across(
    clusters: Sequence[np.ndarray], largest_weight: float, documents: float, confidence: float = CONFIDENCE
) -> Interval:
    """Removals across splits in a corpus of so many documents (distinct in their splits).

    A cluster is given by the weights (1 / f) of the drawn splits that hold it; `largest_weight` is that of any split.
    """
    shared = [weights for weights in clusters if len(weights) > 1]
    upper = np.array([max(_pair_weight(weights), float(weights.sum())) for weights in shared])
    seen = np.array([float(weights.sum() - weights.max()) for weights in shared])
    pairs, triples = _pairs_and_triples(shared)
    pair_limits = weighted_poisson(pairs, largest_weight**2, confidence)
    triple_limits = weighted_poisson(triples, largest_weight**3, confidence)
    low = max(weighted_poisson(seen, 0.0, confidence).low, _tangent_bound(pair_limits.low, triple_limits.high))
    high = weighted_poisson(upper, largest_weight**2, confidence).high
    high = min(high, _most_removals(pair_limits.high, documents))
    many_pairs, many_triples = float(pairs.sum()), float(triples.sum())
    value = 2 * many_pairs / (2 + 3 * many_triples / many_pairs) if many_pairs else 0.0
    low = min(low, high)
    return Interval(low, min(max(value, low), high), high)


def weighted_poisson(weights: np.ndarray, largest: float, confidence: float = CONFIDENCE) -> Interval:
    """The mean of a sum of weights of Poisson-many events; `largest` is the weight of an event not seen yet."""
    tail = (1 - confidence) / 2
    value, variance = float(weights.sum()), float((weights**2).sum())
    largest = max(largest, float(weights.max())) if len(weights) else largest
    low = variance / (2 * value) * chi_square_quantile(tail, 2 * value**2 / variance) if value else 0.0
    if not value and not largest:
        return Interval.exactly(0.0)
    value_next, variance_next = value + largest, variance + largest**2
    degrees = 2 * value_next**2 / variance_next
    return Interval(low, value, variance_next / (2 * value_next) * chi_square_quantile(1 - tail, degrees))


def _pair_weight(weights: np.ndarray) -> float:
    """The mean weight of a pair of the cluster's drawn splits."""
    count = len(weights)
    return float((weights.sum() ** 2 - (weights**2).sum()) / (count * (count - 1)))


def _pairs_and_triples(clusters: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Of each cluster the summed weights of its pairs and of its triples (elementary symmetric polynomials)."""
    pairs, triples = [], []
    for weights in clusters:
        one, two, three = (float((weights**power).sum()) for power in (1, 2, 3))
        pairs.append((one**2 - two) / 2)
        if len(weights) > 2:
            triples.append((one**3 - 3 * one * two + 2 * three) / 6)
    return np.array(pairs), np.array(triples)


def _most_removals(pairs: float, documents: float) -> float:
    """Of N documents with P pairs at least N^2 / (N + 2 P) are distinct (Cauchy and Schwarz; clusters of one size)."""
    return documents * 2 * pairs / (documents + 2 * pairs) if documents > 0 else 0.0


def _tangent_bound(pairs: float, triples: float) -> float:
    """The best of the lines a P - b T below m - 1 that touch it at cluster sizes t and t + 1."""
    lines = ((2 * (2 * t - 1) * pairs - 6 * triples) / (t * (t + 1)) for t in range(2, _LARGEST_TANGENT))
    return max(0.0, *lines)
