"""Trees asked node by node must say what walking down them says."""

from __future__ import annotations

import numpy as np
import pytest

from stages.extraction.classifier_kernel import score_blocks
from stages.extraction.forest import MOST_LEAVES, TILE, empty_tile, forest_of
from stages.extraction.page_table import Trees

FEATURES = 7


def grown(leaves: list[int], seed: int) -> Trees:
    """Trees of random shapes with so many leaves each."""
    random = np.random.default_rng(seed)
    roots, depths, features, thresholds, children, values = ([] for _ in range(6))
    for count in leaves:
        root = len(features)
        below: dict[int, int] = {}
        open_nodes, size = [0], 1
        for _ in range(count - 1):
            node = open_nodes.pop(random.integers(len(open_nodes)))
            below[node] = size
            open_nodes += [size, size + 1]
            size += 2
        roots.append(root)
        depths.append(count)
        for node in range(size):
            features.append(random.integers(FEATURES) if node in below else 0)
            thresholds.append(random.integers(-3, 4) if node in below else np.inf)
            children.append(root + below.get(node, node))
            values.append(random.integers(-(1 << 20), 1 << 20))
    kinds = (np.int32, np.int32, np.int32, np.float32, np.int32, np.int32)
    lists = (roots, depths, features, thresholds, children, values)
    return Trees(*(np.array(given, kind) for given, kind in zip(lists, kinds, strict=True)))


def walked(row: np.ndarray, trees: Trees) -> int:
    total = 0
    for root in trees.roots:
        node = root
        while trees.children[node] != node:
            node = trees.children[node] + (row[trees.features[node]] > trees.thresholds[node])
        total += int(trees.values[node])
    return total


@pytest.mark.parametrize("blocks", [0, 1, TILE - 1, TILE, 2 * TILE + 5])
def test_scores_are_those_of_walking_down(blocks):
    trees = grown([1, 2, 3, 15, 16, 31, 32, 33, 63, MOST_LEAVES], seed=blocks)
    # Whole numbers, so that many features lie exactly at a threshold.
    rows = np.random.default_rng(1).integers(-4, 5, (blocks, FEATURES)).astype(np.float32)
    scores = np.full(blocks, 99, np.int64)
    score_blocks(rows, forest_of(trees), empty_tile(FEATURES), scores)
    assert scores.tolist() == [walked(row, trees) for row in rows]


def test_a_tree_of_more_leaves_than_bits_is_refused():
    with pytest.raises(ValueError, match="65 leaves"):
        forest_of(grown([3, MOST_LEAVES + 1], seed=0))
