"""Boosted regression trees over blocks, and what a second round of them is told about the first.

The first round scores each block by its features. The second gets the same features and the first scores around the
block: of the blocks beside it, of the containers above it, of the blocks that look alike. So one paragraph that the
article's structure speaks for is kept, and a lone sentence in a list of teasers is not ("stacked" learning: Wolpert
1992; Cohen and Carvalho 2005 for sequences).

No tree is walked down. Every inner node asks whether a feature is above a threshold; where it is, the leaves on the
node's left are out of reach. With the leaves as bits of an integer, a tree's questions may be asked in any order,
each an AND, and the lowest bit that is left is the leaf a block falls in (QuickScorer: Lucchese et al. 2015,
section 3). Each is asked of many blocks at once without a branch, so that the compiler makes vector instructions of it.

Scores are sums of integers and the rest is plain IEEE arithmetic without functions of a mathematics library, so
the same page gives the same text on every machine. Cost: about 3 ns a block and tree of 15 leaves.
"""

from __future__ import annotations

import numpy as np

from stages.extraction.forest import TILE, Forest, Tile
from stages.extraction.page_table import (
    B_NODE,
    L_BEFORE,
    L_BELOW,
    L_BLOCK,
    L_LENGTH_BEFORE,
    L_LENGTH_BELOW,
    N_PARENT,
    S_BLOCKS,
    S_NODES,
    Array,
    Measures,
    Page,
)
from stages.extraction.text_measures_kernel import T_LENGTH
from stages.vector_kernel import first_flag
from tokenizer.kernel_cache import kernel

#: Scores are in units of this fraction of a logit.
ONE = 1 << 16
_ALL_LEAVES = np.uint64(2**64 - 1)
OFFSETS = (-4, -3, -2, -1, 1, 2, 3, 4)
RADII = (3, 8)
LEVELS = 4
CONTEXT: list[str] = [
    "likely",
    *(f"likely_{offset:+d}" for offset in OFFSETS),
    *(f"likely_within_{radius}" for radius in RADII),
    *(f"likely_{what}_{level}" for level in range(LEVELS) for what in ("above", "share_above")),
    "likely_alike",
    "likely_share_alike",
    "likely_share_before",
    "likely_page",
    "likely_length",
]


@kernel
def score_blocks(rows: Array, forest: Forest, tile: Tile, scores: Array) -> None:
    """Fill `scores` (int64) with the sum of what the trees say of each row of features."""
    reach = tile.reach
    for first in range(0, len(scores), TILE):
        count = min(TILE, len(scores) - first)
        for place in range(len(forest.used)):
            feature = forest.used[place]
            for block in range(count):
                tile.columns[place, block] = rows[first + block, feature]
        sums = scores[first : first + count]
        sums[:] = 0
        for tree in range(len(forest.values)):
            reach[:] = _ALL_LEAVES
            for node in range(forest.starts[tree], forest.starts[tree + 1]):
                column = tile.columns[forest.columns[node]]
                threshold, kept = forest.thresholds[node], forest.kept[node]
                for block in range(count):
                    reach[block] &= kept if column[block] > threshold else _ALL_LEAVES
            values = forest.values[tree]
            for block in range(count):
                sums[block] += values[first_flag(reach[block])]


@kernel
def _likely(score: int) -> float:
    """Nearly the logistic function of a score, by arithmetic alone."""
    logit = score / ONE
    return 0.5 + 0.5 * logit * abs(logit) / (1.0 + logit * logit)


@kernel
def _sum_likely(scores: Array, page: Page, measures: Measures) -> None:
    """Fill `measures.likely`: what each block's score says, and its sums weighted by length (L_ columns)."""
    likely = measures.likely
    count, size = page.state[S_BLOCKS], page.state[S_NODES]
    for node in range(size):
        likely[node, L_BELOW], likely[node, L_LENGTH_BELOW] = 0.0, 0.0
    likely[0, L_BEFORE], likely[0, L_LENGTH_BEFORE] = 0.0, 0.0
    for block in range(count):
        length = measures.texts[block, T_LENGTH] + 1
        likely[block, L_BLOCK] = _likely(scores[block])
        weighted = likely[block, L_BLOCK] * length
        likely[block + 1, L_BEFORE] = likely[block, L_BEFORE] + weighted
        likely[block + 1, L_LENGTH_BEFORE] = likely[block, L_LENGTH_BEFORE] + length
        node = page.blocks[block, B_NODE]
        likely[node, L_BELOW] += weighted
        likely[node, L_LENGTH_BELOW] += length
    for node in range(size - 1, 0, -1):
        parent = page.nodes[node, N_PARENT]
        likely[parent, L_BELOW] += likely[node, L_BELOW]
        likely[parent, L_LENGTH_BELOW] += likely[node, L_LENGTH_BELOW]


@kernel
def _sum_alike(page: Page, measures: Measures) -> None:
    """Fill `measures.alike` with sums by group of blocks that look alike: likely length, length."""
    for block in range(page.state[S_BLOCKS]):
        measures.alike[measures.group_of[block], 0] = 0.0
        measures.alike[measures.group_of[block], 1] = 0.0
    for block in range(page.state[S_BLOCKS]):
        group = measures.group_of[block]
        length = measures.texts[block, T_LENGTH] + 1
        measures.alike[group, 0] += measures.likely[block, L_BLOCK] * length
        measures.alike[group, 1] += length


@kernel
def fill_context(scores: Array, page: Page, measures: Measures, rows: Array) -> None:
    """Fill `rows` with a row of CONTEXT for each block, given the first round's scores."""
    _sum_likely(scores, page, measures)
    _sum_alike(page, measures)
    count, likely = page.state[S_BLOCKS], measures.likely
    whole, length = max(likely[count, L_BEFORE], 1e-9), likely[count, L_LENGTH_BEFORE]
    for block in range(count):
        row = rows[block]
        row[0] = likely[block, L_BLOCK]
        at = 1
        for offset in OFFSETS:
            other = block + offset
            row[at] = likely[other, L_BLOCK] if 0 <= other < count else -1.0
            at += 1
        for radius in RADII:
            first, last = max(0, block - radius), min(count, block + radius + 1)
            lengths = likely[last, L_LENGTH_BEFORE] - likely[first, L_LENGTH_BEFORE]
            row[at] = (likely[last, L_BEFORE] - likely[first, L_BEFORE]) / lengths
            at += 1
        node = page.blocks[block, B_NODE]
        for _ in range(LEVELS):
            row[at] = likely[node, L_BELOW] / likely[node, L_LENGTH_BELOW]
            row[at + 1] = likely[node, L_BELOW] / whole
            at += 2
            node = max(0, page.nodes[node, N_PARENT])
        group = measures.group_of[block]
        row[at] = measures.alike[group, 0] / measures.alike[group, 1]
        row[at + 1] = measures.alike[group, 0] / whole
        row[at + 2] = likely[block + 1, L_BEFORE] / whole
        row[at + 3] = whole / length
        row[at + 4] = whole
