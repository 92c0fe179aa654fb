"""The measure of scrapinghub's article-extraction-benchmark: shared shingles of four words.

Per page, multisets of all runs of four words (`\\w+`) of the extracted and the annotated text are compared;
precision is averaged over pages where something was extracted or expected, recall over pages that have an
annotation, and F1 is the harmonic mean of the two averages. Intervals are percentiles over resampled pages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_WORD = re.compile(r"\w+")
_SIZE = 4


class PageScore(NamedTuple):
    """Precision and recall of one page; None where it does not count."""

    precision: float | None
    recall: float | None

    @property
    def f1(self) -> float:
        if not self.precision or not self.recall:
            return 0.0
        return 2 * self.precision * self.recall / (self.precision + self.recall)


class Scores(NamedTuple):
    """F1 of mean precision and mean recall, those means, and the mean of the pages' own F1."""

    f1: float
    precision: float
    recall: float
    mean_page_f1: float


def words_of(text: str) -> list[str]:
    return _WORD.findall(text)


def shingles(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    if not words:
        return Counter()
    return Counter(tuple(words[at : at + _SIZE]) for at in range(max(1, len(words) - _SIZE + 1)))


def score_page(extracted: Sequence[str], annotated: Sequence[str]) -> PageScore:
    found, expected = shingles(extracted), shingles(annotated)
    shared = (found & expected).total()
    return PageScore(
        shared / found.total() if found else None,
        shared / expected.total() if expected else None,
    )


def total_scores(pages: Sequence[PageScore]) -> Scores:
    precision = float(np.mean([page.precision for page in pages if page.precision is not None]))
    recall = float(np.mean([page.recall for page in pages if page.recall is not None]))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Scores(f1, precision, recall, float(np.mean([page.f1 for page in pages])))


def bootstrap_interval(pages: Sequence[PageScore], samples: int = 2000, seed: int = 0) -> tuple[float, float]:
    """The middle 95 % of F1 over samples of as many pages, drawn with replacement."""
    draws = np.random.default_rng(seed).integers(0, len(pages), (samples, len(pages)))
    values = [total_scores([pages[index] for index in draw]).f1 for draw in draws]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
