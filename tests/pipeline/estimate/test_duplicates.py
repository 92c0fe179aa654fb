"""Removals across splits lie between the bounds, whatever the sizes of the clusters."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.estimate.duplicates import removals_across, weighted_poisson

FRACTION = 0.1


def sampled(generator: np.random.Generator, sizes: np.ndarray) -> list[np.ndarray]:
    """Of clusters that lie in so many splits the weights of those that were drawn."""
    seen = generator.binomial(sizes, FRACTION)
    return [np.full(count, 1 / FRACTION) for count in seen if count]


@pytest.mark.parametrize(
    "sizes",
    [
        np.full(400, 2),
        np.full(60, 7),
        np.full(3, 300),
        np.concatenate([np.full(1000, 1), np.full(300, 2), np.full(20, 10), [2000]]),
    ],
    ids=["pairs", "sevens", "a few huge", "everything"],
)
def test_the_bounds_hold_removals_of_clusters_of_any_size(sizes: np.ndarray) -> None:
    generator = np.random.default_rng(2)
    truth = float((sizes - 1).sum())
    intervals = [removals_across(sampled(generator, sizes), 1 / FRACTION, float(sizes.sum())) for _ in range(200)]
    inside = sum(interval.low <= truth <= interval.high for interval in intervals)
    assert inside / len(intervals) >= 0.93


def test_a_large_sample_of_pairs_is_told_from_larger_clusters() -> None:
    generator = np.random.default_rng(3)
    sizes = np.full(200_000, 2)
    interval = removals_across(sampled(generator, sizes), 1 / FRACTION, float(sizes.sum()))
    assert interval.low > 0.6 * 200_000
    assert interval.high < 1.3 * 200_000


def test_seeing_no_duplicate_does_not_rule_them_out() -> None:
    interval = removals_across([np.array([10.0])] * 50, 10.0, 1e6)
    assert interval.low == interval.value == 0
    assert 300 < interval.high < 450  # 3.7 clusters that might have been seen, each standing for a hundred


def test_limits_of_plain_counts_are_poisson() -> None:
    interval = weighted_poisson(np.ones(10), 1.0)
    assert (interval.low, interval.high) == pytest.approx((4.795, 18.39), rel=0.02)
