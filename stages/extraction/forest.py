"""Regression trees by their inner nodes, as `score_blocks` of classifier_kernel asks them.

Made from a model's trees (page_table.Trees) when it is first used, and never stored.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stages.extraction.page_table import Array, Trees

#: Bits of the integers that stand for a tree's leaves.
MOST_LEAVES = 64
#: Blocks that are judged at a time.
TILE = 256
#: Floats between the columns of a tile: an odd number of cache lines, so that they share no set of the cache.
_STRIDE = TILE + 16


class Forest(NamedTuple):
    """The inner nodes of tree t are at starts[t] to starts[t + 1] of the three arrays after it.

    `used` are the features that any node asks of, and `columns` their places there, node by node.
    A tree's leaves are numbered from left to right. `kept` has the bits of those that stay in reach where the node's
    feature is above its threshold, which are all but those on its left; `values` a row of leaves for each tree.
    """

    used: Array
    starts: Array
    columns: Array
    thresholds: Array
    kept: Array
    values: Array


class Tile(NamedTuple):
    """Room for the blocks that are judged at a time: a row of `columns` a feature, and each one's leaves in reach."""

    columns: Array
    reach: Array


def empty_tile(features: int) -> Tile:
    return Tile(np.empty((features, _STRIDE), np.float32), np.empty(TILE, np.uint64))


def forest_of(trees: Trees) -> Forest:
    """The same trees; ValueError where one has more than MOST_LEAVES leaves."""
    starts, nodes, left, leaves = [0], list[int](), list[int](), list[list[int]]()
    for root in trees.roots.tolist():
        leaves.append(_walk(root, trees, nodes, left))
        starts.append(len(nodes))
    most = max(map(len, leaves), default=0)
    if most > MOST_LEAVES:
        raise ValueError(f"a tree has {most} leaves, more than {MOST_LEAVES}: train with a smaller num_leaves")
    values = np.zeros((len(leaves), most), np.int32)
    for row, numbers in zip(values, leaves, strict=True):
        row[: len(numbers)] = trees.values[numbers]
    everything = (1 << MOST_LEAVES) - 1
    used, columns = np.unique(trees.features[nodes], return_inverse=True)
    return Forest(
        used,
        np.array(starts, np.int32),
        columns.astype(np.int32),
        trees.thresholds[nodes],
        np.array([everything & ~bits for bits in left], np.uint64),
        values,
    )


def _walk(root: int, trees: Trees, nodes: list[int], left: list[int]) -> list[int]:
    """The leaves of one tree from left to right; appends its inner nodes, and the bits of the leaves on their left."""
    leaves: list[int] = []

    def bits_below(node: int) -> int:
        child = int(trees.children[node])
        if child == node:
            leaves.append(node)
            return 1 << (len(leaves) - 1)
        place = len(nodes)
        nodes.append(node)
        left.append(0)
        left[place] = bits_below(child)
        return left[place] | bits_below(child + 1)

    bits_below(root)
    return leaves
