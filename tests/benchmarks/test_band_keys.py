"""Made-up signatures go through the phases of the stage, which finds the clusters that plain Python finds."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.band_keys import BANDS, CROWD, synthetic_recipe, synthetic_values, write_numbers
from benchmarks.dedup import ids_of_run
from pipeline import run

DOCUMENTS = 3000


def test_a_run_keeps_the_first_document_of_everything_that_shares_a_value(tmp_path: Path) -> None:
    numbers = write_numbers(DOCUMENTS, 3, tmp_path / "numbers")
    run(synthetic_recipe(DOCUMENTS, key_ranges=2), [numbers], tmp_path / "run", executor="inline", quiet=True)

    values = synthetic_values(np.arange(DOCUMENTS, dtype=np.uint64), DOCUMENTS)
    holders = defaultdict(list)
    for document, row in enumerate(values.tolist()):
        for band, value in enumerate(row):
            holders[band, value].append(document)
    parent = list(range(DOCUMENTS))

    def root(document: int) -> int:
        while parent[document] != document:
            document = parent[document]
        return document

    for first, *others in holders.values():
        for other in others:
            low, high = sorted((root(first), root(other)))
            parent[high] = low
    assert sorted(map(int, ids_of_run(tmp_path / "run"))) == [at for at in range(DOCUMENTS) if parent[at] == at]


def test_values_are_shared_as_stated() -> None:
    number = np.arange(20_000, dtype=np.uint64)
    values = synthetic_values(number, len(number))
    shared = [np.unique(column, return_counts=True)[1] for column in values.T]
    assert len(shared) == BANDS
    assert abs(shared[0].max() / len(number) - CROWD) < 0.005
    for counts in shared[1:]:
        in_groups = counts[counts > 1].sum() / len(number)
        assert 0.13 < in_groups < 0.17
        assert counts.max() < 20
    assert not set(synthetic_values(number + 20_000, 20_000)[:, 1].tolist()) <= set(values[:, 1].tolist())
