"""What the scanner fills in for a page: its arrays, the columns of its tables, and the fields of its state.

nodes    the containers in document order, the page itself first; a parent stands before its children
blocks   runs of text that no container's tag interrupts, in document order
text     UTF-8 with white space collapsed; bytes below 9 are marks for the renderers (MARK_)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray

# Columns of the table of nodes (int32). N_ORDINAL counts a node among its parent's children.
N_TAG, N_PARENT, N_DEPTH, N_FIRST_BLOCK, N_END_BLOCK, N_CHILDREN, N_ORDINAL, NODE_COLUMNS = range(8)
# Columns of the table of blocks (int32): range of the text, node, and what stood in it or since the block before.
(
    B_START,
    B_END,
    B_NODE,
    B_LINK_BYTES,
    B_LINKS,
    B_EMPHASIS_BYTES,
    B_IMAGES,
    B_TAGS,
    B_BREAKS,
    B_VERBATIM,
    B_SOURCE,
    BLOCK_COLUMNS,
) = range(12)
# Columns of the stack of open inline elements (int32): the element, and how many containers were open.
I_TAG, I_STACK, INLINE_COLUMNS = range(3)
# State of the scan (int64): sizes of tables and stacks, what is open, what belongs to the block being written.
(
    S_TEXT,
    S_NODES,
    S_BLOCKS,
    S_STACK,
    S_INLINE,
    S_SPACE,
    S_BREAK,
    S_BLOCK_START,
    S_LINK,
    S_EMPHASIS,
    S_MUTE,
    S_VERBATIM,
    S_LINK_BYTES,
    S_LINKS,
    S_EMPHASIS_BYTES,
    S_IMAGES,
    S_TAGS,
    S_BREAKS,
    S_SOURCE,
    S_STATUS,
    S_TITLE,
    S_TITLE_END,
    S_LINK_START,
    STATES,
) = range(24)

# Sums over what the first round of the classifier says (float64): of a block, of those before it, below a node.
L_BLOCK, L_BEFORE, L_LENGTH_BEFORE, L_BELOW, L_LENGTH_BELOW, LIKELY_COLUMNS = range(6)

#: Values of S_STATUS.
DONE, TOO_DEEP, TOO_MANY_NODES = range(3)
MARK_CODE, MARK_CODE_END = 1, 2
#: More inline elements open at once are not noticed.
INLINE_LIMIT = 64


class Page(NamedTuple):
    """Arrays that the scanner fills; the last ones are its own."""

    nodes: Array
    node_bits: Array
    signatures: Array
    blocks: Array
    block_bits: Array
    text: Array
    state: Array
    stack: Array
    inline: Array
    inline_bits: Array
    counts: Array
    unclosed: Array
    attributes: Array


class Names(NamedTuple):
    """Tables that the scanner looks names up in."""

    tag_keys: Array
    tag_numbers: Array
    roles: Array
    word_keys: Array
    word_bits: Array
    entity_keys: Array
    entity_texts: Array
    windows_1252: Array


class Measures(NamedTuple):
    """What is measured of a page before its blocks are judged; the last ones are room for hash tables."""

    texts: Array
    tree: Array
    far: Array
    minor: Array
    inside: Array
    group_of: Array
    groups: Array
    holds_best: Array
    title_words: Array
    likely: Array
    alike: Array
    keys: Array
    first: Array


class Trees(NamedTuple):
    """Regression trees one after another, each from its root on, the two children of a node side by side.

    From a node one goes to `children`, or to the node after that where the feature is above the threshold. A leaf
    is its own child and its threshold is infinite, so that every way through a tree can be given `depths` steps.
    """

    roots: Array
    depths: Array
    features: Array
    thresholds: Array
    children: Array
    values: Array
