"""Settings computed from a target keep their promise, and what they detect is what theory says."""

import numpy as np
import pytest

from stages.base import StageError
from stages.minhash.settings import bands_and_rows, detection_probability


def test_probability_that_two_texts_share_a_band() -> None:
    assert detection_probability(0.8, 14, 8) == pytest.approx(1 - (1 - 0.8**8) ** 14)
    assert detection_probability(np.array([0.0, 0.5, 1.0]), 20, 13) == pytest.approx([0, 1 - (1 - 0.5**13) ** 20, 1])
    assert detection_probability(0.01, 1, 8) == pytest.approx(1e-16)


@pytest.mark.parametrize("target", [0.1, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("recall", [0.5, 0.98, 0.9999])
def test_computed_settings_reach_the_recall_with_the_most_rows(target: float, recall: float) -> None:
    bands, rows = bands_and_rows(target, recall, 300)
    assert bands * rows <= 300
    assert detection_probability(target, bands, rows) >= recall
    assert bands == 1 or detection_probability(target, bands - 1, rows) < recall
    for more in range(rows + 1, 301):
        assert detection_probability(target, 300 // more, more) < recall


@pytest.mark.parametrize(
    ("target", "recall", "most", "says"),
    [
        (0.01, 0.99, 256, "recall 0.99 at Jaccard 0.01 takes 459 minima or more, and 256 are allowed"),
        (1.0, 0.9, 256, "a target Jaccard of 1 cannot be had"),
        (0.8, 1.0, 256, "a recall of 1 cannot be had"),
        (1e-300, 0.9, 256, "minima or more"),
    ],
)
def test_what_cannot_be_had_is_refused(target: float, recall: float, most: int, says: str) -> None:
    with pytest.raises(StageError, match=says):
        bands_and_rows(target, recall, most)
