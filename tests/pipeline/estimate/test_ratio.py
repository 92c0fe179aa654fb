"""The intervals of the estimator hold the truth of populations that look like crawls as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.estimate.interval import chi_square_quantile, t_quantile
from pipeline.estimate.ratio import StratumSample, ratio_total


def skewed_crawl(generator: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Strata of splits (sizes, documents kept): most keep little, some keep much, and files differ widely."""
    strata = []
    for _ in range(8):
        units = int(generator.integers(20, 120))
        sizes = generator.normal(64, 1, units)
        rate = generator.lognormal(-1, 1.5)
        values = np.where(
            generator.random(units) < 0.6, generator.poisson(rate * sizes * generator.gamma(2, 0.5, units)), 0
        )
        strata.append((sizes, values.astype(float)))
    return strata


def drawn(generator: np.random.Generator, strata: list[tuple[np.ndarray, np.ndarray]]) -> list[StratumSample]:
    samples = []
    for sizes, values in strata:
        rows = generator.choice(len(sizes), max(2, round(len(sizes) * 0.1)), replace=False)
        samples.append(StratumSample(len(sizes), sizes[rows], values[rows]))
    return samples


def test_the_interval_holds_the_truth_of_skewed_populations() -> None:
    generator = np.random.default_rng(1)
    inside, trials = 0, 600
    for _ in range(trials):
        strata = skewed_crawl(generator)
        size, truth = (float(sum(part[column].sum() for part in strata)) for column in (0, 1))
        interval = ratio_total(drawn(generator, strata), size)
        inside += interval.low <= truth <= interval.high
    assert inside / trials >= 0.92


@settings(max_examples=50, deadline=None)
@given(rate=st.floats(0.01, 100), seed=st.integers(0, 1000))
def test_what_is_proportional_to_size_is_exact_from_any_sample(rate: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    strata = [(sizes, sizes * rate) for sizes in (generator.uniform(1, 100, 30), generator.uniform(1, 1000, 10))]
    size = float(sum(sizes.sum() for sizes, _ in strata))
    interval = ratio_total(drawn(generator, strata), size)
    assert interval.low == pytest.approx(interval.value) == pytest.approx(interval.high) == pytest.approx(rate * size)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_sample_of_everything_is_exact(seed: int) -> None:
    strata = skewed_crawl(np.random.default_rng(seed))
    samples = [StratumSample(len(sizes), sizes, values) for sizes, values in strata]
    size, truth = (float(sum(part[column].sum() for part in strata)) for column in (0, 1))
    interval = ratio_total(samples, size)
    assert (interval.low, interval.value, interval.high) == pytest.approx((truth, truth, truth))


def test_quantiles_are_those_of_the_tables() -> None:
    table = {1: 12.706, 2: 4.303, 3: 3.182, 5: 2.571, 10: 2.228, 30: 2.042}
    assert {freedom: t_quantile(0.975, freedom) for freedom in table} == pytest.approx(table, rel=0.02)
    assert chi_square_quantile(0.975, 10) == pytest.approx(20.483, rel=0.01)
    assert chi_square_quantile(0.975, 2) == pytest.approx(7.378, rel=0.01)
