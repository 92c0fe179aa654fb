"""The Kneser-Ney baseline is a probability distribution and equals the formula, written plainly."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from benchmarks.ngram_baseline import KneserNeyBigram

VOCABULARY = 12


def make_stream() -> np.ndarray:
    generator = np.random.default_rng(3)
    return (generator.geometric(0.25, size=600) % VOCABULARY).astype(np.uint16)


@pytest.mark.parametrize("modified", [False, True])
def test_probabilities_after_any_word_sum_to_one(modified: bool) -> None:
    model = KneserNeyBigram([make_stream()[:80]], VOCABULARY, modified)
    for first in range(VOCABULARY):
        total = sum(math.exp(-model.nats(np.array([first, second]))) for second in range(VOCABULARY))
        assert total == pytest.approx(1.0)


def test_it_equals_the_formula_word_by_word() -> None:
    stream = make_stream().tolist()
    pairs = Counter(itertools.pairwise(stream))
    totals = Counter(stream[:-1])
    followers = Counter(first for first, _ in pairs)
    predecessors = Counter(second for _, second in pairs)

    def discount(counts: list[int]) -> float:
        once, twice = counts.count(1), counts.count(2)
        return once / (once + 2 * twice) if once and twice else 0.5

    pair_discount = discount(list(pairs.values()))
    word_discount = discount(list(predecessors.values()))

    def probability(first: int, second: int) -> float:
        lower = max(predecessors[second] - word_discount, 0) / len(pairs)
        lower += word_discount * len(predecessors) / len(pairs) / VOCABULARY
        if not totals[first]:
            return lower
        kept = max(pairs[first, second] - pair_discount, 0) / totals[first]
        return kept + pair_discount * followers[first] / totals[first] * lower

    model = KneserNeyBigram([np.array(stream)], VOCABULARY, modified=False)
    for first in range(VOCABULARY):
        for second in range(VOCABULARY):
            expected = -math.log(probability(first, second))
            assert model.nats(np.array([first, second])) == pytest.approx(expected)
