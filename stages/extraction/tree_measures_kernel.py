"""Measures of a page's tree: what stands below each node, what its ancestors are called, which nodes are alike.

Nodes are in document order, so a child has a greater number than its parent: sums are one pass backwards, and what
ancestors pass on one pass forwards.
"""

from __future__ import annotations

import numpy as np

from stages.extraction.page_table import B_NODE, N_PARENT, N_TAG, S_BLOCKS, S_NODES, Array, Measures, Page
from stages.extraction.tag_table import NAMES, TAG
from stages.extraction.text_measures_kernel import T_LENGTH, T_LINK, T_PROSE
from tokenizer.kernel_cache import kernel

# Sums over everything below a node (int32); U_NEAR_PROSE is the prose that stands directly below.
U_LENGTH, U_LINK, U_PROSE, U_BLOCKS, U_NEAR_PROSE, U_ALIKE, U_ORDINAL, TREE_COLUMNS = range(8)
# Sums over blocks that are alike (int64).
G_COUNT, G_LENGTH, G_LINK, G_PROSE, GROUP_COLUMNS = range(5)

ELEMENTS = (
    "article",
    "main",
    "section",
    "aside",
    "nav",
    "footer",
    "header",
    "form",
    "ul ol",
    "li",
    "table td th tr",
    "figure",
    "figcaption caption",
    "blockquote",
    "button label",
    "p",
    "h1",
    "h2",
    "h3 h4 h5 h6",
    "pre",
    "dl dt dd",
    "address",
    "custom",
    "details dialog menu search fieldset",
    "div",
    "center",
)


def _element_bits() -> np.ndarray:
    bits = np.zeros(len(NAMES) + 1, np.int64)
    for bit, names in enumerate(ELEMENTS):
        for name in names.split():
            bits[TAG[name]] = 1 << bit
    return bits


ELEMENT_BITS = _element_bits()
_BODY, _HTML = TAG["body"], TAG["html"]
_ONE = np.uint64(1)
_GOLDEN, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x100000001B3)


@kernel
def _slot_of(key: np.uint64, keys: Array) -> int:
    """The place of a key in a table whose size is a power of two; a new one is 0 there."""
    mask = np.uint64(len(keys) - 1)
    slot = (key * _GOLDEN >> np.uint64(20)) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + _ONE) & mask
    return int(np.int64(slot))


@kernel
def sum_subtrees(page: Page, measures: Measures) -> int:
    """Fill the U_ sums of each node; the node that holds most prose directly below it.

    As Readability counts, a paragraph speaks for its container, and half as much for the one around it.
    """
    nodes, tree, texts = page.nodes, measures.tree, measures.texts
    tree[: page.state[S_NODES]] = 0
    for block in range(page.state[S_BLOCKS]):
        node = page.blocks[block, B_NODE]
        prose = texts[block, T_PROSE]
        tree[node, U_LENGTH] += texts[block, T_LENGTH]
        tree[node, U_LINK] += texts[block, T_LINK]
        tree[node, U_PROSE] += prose
        tree[node, U_BLOCKS] += 1
        tree[node, U_NEAR_PROSE] += prose
        parent = nodes[node, N_PARENT]
        if parent >= 0:
            tree[parent, U_NEAR_PROSE] += prose
            if nodes[parent, N_PARENT] >= 0:
                tree[nodes[parent, N_PARENT], U_NEAR_PROSE] += prose // 2
    best = 0
    for node in range(page.state[S_NODES] - 1, 0, -1):
        parent = nodes[node, N_PARENT]
        for column in range(U_NEAR_PROSE):
            tree[parent, column] += tree[node, column]
        if tree[node, U_NEAR_PROSE] >= tree[best, U_NEAR_PROSE]:
            best = node
    return best


@kernel
def pass_down(page: Page, measures: Measures) -> None:
    """Bits of each node and its ancestors: attributes, those of ancestors with less than half the page, elements."""
    nodes, tree = page.nodes, measures.tree
    far, minor, inside = measures.far, measures.minor, measures.inside
    whole = tree[0, U_LENGTH]
    far[0], minor[0], inside[0] = 0, 0, 0
    for node in range(1, page.state[S_NODES]):
        parent = nodes[node, N_PARENT]
        tag = nodes[node, N_TAG]
        bits = page.node_bits[node]
        if tag in (_BODY, _HTML):
            bits = np.uint64(0)
        far[node] = far[parent] | bits
        minor[node] = minor[parent] | (bits if 2 * tree[node, U_LENGTH] < whole else np.uint64(0))
        inside[node] = inside[parent] | ELEMENT_BITS[tag]


@kernel
def count_alike_nodes(keys: Array, page: Page, measures: Measures) -> None:
    """How many nodes have each one's name and class (U_ALIKE), and how many of them come before it (U_ORDINAL)."""
    tree, sums = measures.tree, measures.groups
    keys[:] = 0
    for node in range(page.state[S_NODES]):
        key = page.signatures[node] | _ONE
        slot = _slot_of(key, keys)
        if keys[slot] == 0:
            keys[slot] = key
            sums[slot, G_COUNT] = 0
        tree[node, U_ORDINAL] = sums[slot, G_COUNT]
        sums[slot, G_COUNT] += 1
    for node in range(page.state[S_NODES]):
        tree[node, U_ALIKE] = sums[_slot_of(page.signatures[node] | _ONE, keys), G_COUNT]


@kernel
def group_alike_blocks(keys: Array, page: Page, measures: Measures) -> None:
    """Group blocks whose nodes and the nodes above bear the same names and classes; G_ sums of each group."""
    nodes, texts, sums = page.nodes, measures.texts, measures.groups
    keys[:] = 0
    for block in range(page.state[S_BLOCKS]):
        node = page.blocks[block, B_NODE]
        key = page.signatures[node]
        if nodes[node, N_PARENT] >= 0:
            key = key * _MIX ^ page.signatures[nodes[node, N_PARENT]]
        key |= _ONE
        slot = _slot_of(key, keys)
        if keys[slot] == 0:
            keys[slot] = key
            for column in range(GROUP_COLUMNS):
                sums[slot, column] = 0
        measures.group_of[block] = slot
        sums[slot, G_COUNT] += 1
        sums[slot, G_LENGTH] += texts[block, T_LENGTH]
        sums[slot, G_LINK] += texts[block, T_LINK]
        sums[slot, G_PROSE] += texts[block, T_PROSE]
