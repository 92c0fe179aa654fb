"""Made-up documents go through near-deduplication, which finds the clusters that they were made with."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.band_keys import CROWD, GROUPED, made_up_texts, synthetic_recipe, write_numbers
from benchmarks.dedup import ids_of_run
from pipeline import run

DOCUMENTS = 3000


def test_a_run_keeps_one_document_of_a_group_and_of_the_crowd(tmp_path: Path) -> None:
    groups = defaultdict(list)
    for document, text in enumerate(made_up_texts(np.arange(DOCUMENTS), DOCUMENTS).to_pylist()):
        groups[text.split()[0]].append(document)
    sizes = sorted(map(len, groups.values()))
    assert 0.01 < sizes[-1] / DOCUMENTS < 2 * CROWD
    assert 0.15 < sum(sizes[:-1]) / DOCUMENTS - sizes.count(1) / DOCUMENTS < 1.2 * GROUPED

    numbers = write_numbers(DOCUMENTS, 3, tmp_path / "numbers")
    run(synthetic_recipe(DOCUMENTS, key_ranges=2), [numbers], tmp_path / "run", executor="inline", quiet=True)
    kept = set(map(int, ids_of_run(tmp_path / "run")))
    first = {members[0] for members in groups.values()}
    assert first <= kept
    assert len(kept - first) < 0.01 * DOCUMENTS
