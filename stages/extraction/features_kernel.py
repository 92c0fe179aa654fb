"""What the classifier is told about each block of a page: one row of float32, in the order of FEATURES.

Lengths and places are those of the block, of the blocks beside it and of the containers above it; names are bits:
words of attributes (attribute_word_table) and elements (tree_measures_kernel). Nothing depends on a language.
"""

from __future__ import annotations

import numpy as np

from stages.extraction.attribute_word_table import BITS
from stages.extraction.page_table import (
    B_BREAKS,
    B_EMPHASIS_BYTES,
    B_END,
    B_IMAGES,
    B_LINKS,
    B_NODE,
    B_SOURCE,
    B_START,
    B_TAGS,
    B_VERBATIM,
    N_DEPTH,
    N_PARENT,
    N_TAG,
    S_BLOCKS,
    Array,
    Measures,
    Page,
)
from stages.extraction.tag_table import TAG
from stages.extraction.text_measures_kernel import (
    T_CAPITALS,
    T_COMMAS,
    T_DIGITS,
    T_ENDS,
    T_HASHED_WORDS,
    T_IN_TITLE,
    T_LENGTH,
    T_LINK,
    T_PROSE,
    T_SEEN_AFTER,
    T_SEEN_BEFORE,
    T_SENTENCES,
    T_SHINGLES,
    T_WORDS,
)
from stages.extraction.tree_measures_kernel import (
    ELEMENT_BITS,
    ELEMENTS,
    G_COUNT,
    G_LENGTH,
    G_LINK,
    G_PROSE,
    U_ALIKE,
    U_BLOCKS,
    U_LENGTH,
    U_LINK,
    U_ORDINAL,
    U_PROSE,
)
from tokenizer.kernel_cache import kernel

LEVELS = 4
OFFSETS = (-3, -2, -1, 1, 2, 3)
_OWN = (
    "length words link_share links emphasis_share sentences commas digit_share capital_share ends_sentence images tags "
    "breaks verbatim word_length prose seen_before seen_after in_title shingles"
).split()
_PAGE = (
    "depth position text_position source_position text_before page_length page_link_share page_prose page_blocks "
    "previous_lengths"
).split()
_HEADINGS = "after_title after_h1 after_heading heading_link_share heading_length headings_since_title".split()
_BEST = "in_best up_to_best down_to_best best_share".split()
_ALIKE = "alike_count alike_length alike_link_share alike_prose_share".split()
_PROSE = "since_prose until_prose prose_after".split()
_LEVEL = "share link_share mean_length blocks prose_share prose_in alike ordinal".split()
_LEVEL_NAMES = [f"above_{level}_{name}" for level in range(LEVELS) for name in _LEVEL]
_NEIGHBOUR = "length link_share sentences same_parent heading".split()
_NEIGHBOUR_NAMES = [f"beside_{offset:+d}_{name}" for offset in OFFSETS for name in _NEIGHBOUR]
_NAMES = [f"{where}_{name}" for where in ("near", "minor", "far") for name in BITS]
_NAMES += [f"{where}_{names.replace(' ', '_')}" for where in ("inside", "is") for names in ELEMENTS]
_PARTS = (_OWN, _PAGE, _HEADINGS, _BEST, _ALIKE, _PROSE, _LEVEL_NAMES, _NEIGHBOUR_NAMES, _NAMES)
FEATURES: list[str] = [name for part in _PARTS for name in part]
_AT_PAGE, _AT_HEADINGS, _AT_BEST, _AT_ALIKE, _AT_PROSE, _AT_LEVELS, _AT_NEIGHBOURS, _AT_NAMES = (
    FEATURES.index(part[0]) for part in _PARTS[1:]
)
_WORDS, _ELEMENTS = len(BITS), len(ELEMENTS)
_H1, _H6, _BODY, _HTML = TAG["h1"], TAG["h6"], TAG["body"], TAG["html"]
_ONE = np.uint64(1)
#: Distances in blocks are cut here; twice as far before means that there is no such block.
_FAR = 100


@kernel
def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


@kernel
def _distance(block: int, other: int) -> int:
    return min(max(block - other, -_FAR), _FAR) if other >= 0 else -2 * _FAR


@kernel
def _fill_own(block: int, page: Page, texts: Array, row: Array) -> None:
    blocks = page.blocks
    size = blocks[block, B_END] - blocks[block, B_START]
    length = texts[block, T_LENGTH]
    row[0] = length
    row[1] = texts[block, T_WORDS]
    row[2] = _share(texts[block, T_LINK], length)
    row[3] = blocks[block, B_LINKS]
    row[4] = _share(min(blocks[block, B_EMPHASIS_BYTES], size), size)
    row[5] = texts[block, T_SENTENCES]
    row[6] = texts[block, T_COMMAS]
    row[7] = _share(texts[block, T_DIGITS], length)
    row[8] = _share(texts[block, T_CAPITALS], length)
    row[9] = texts[block, T_ENDS]
    row[10] = blocks[block, B_IMAGES]
    row[11] = min(blocks[block, B_TAGS], _FAR)
    row[12] = blocks[block, B_BREAKS]
    row[13] = blocks[block, B_VERBATIM]
    row[14] = _share(length, texts[block, T_WORDS])
    row[15] = texts[block, T_PROSE]
    row[16] = _share(texts[block, T_SEEN_BEFORE], texts[block, T_SHINGLES])
    row[17] = min(3.0, _share(texts[block, T_SEEN_AFTER], texts[block, T_SHINGLES]))
    row[18] = _share(texts[block, T_IN_TITLE], texts[block, T_HASHED_WORDS])
    row[19] = texts[block, T_SHINGLES]


@kernel
def _fill_page(block: int, before: int, page: Page, measures: Measures, row: Array) -> None:
    """Where in the page the block stands, and what sort of page it is."""
    count, texts, tree = page.state[S_BLOCKS], measures.texts, measures.tree
    row[0] = page.nodes[page.blocks[block, B_NODE], N_DEPTH]
    row[1] = _share(block, count)
    row[2] = _share(before, tree[0, U_LENGTH])
    row[3] = _share(page.blocks[block, B_SOURCE], max(1, page.blocks[count - 1, B_SOURCE]))
    row[4] = before
    row[5] = tree[0, U_LENGTH]
    row[6] = _share(tree[0, U_LINK], tree[0, U_LENGTH])
    row[7] = tree[0, U_PROSE]
    row[8] = count
    row[9] = texts[block - 1, T_LENGTH] + texts[block - 2, T_LENGTH] if block > 1 else 0


@kernel
def _fill_headings(block: int, title: int, h1: int, heading: int, headings: int, texts: Array, row: Array) -> None:
    """Where the block stands after the title, the first h1 and the nearest heading."""
    row[0] = _distance(block, title)
    row[1] = _distance(block, h1)
    row[2] = _distance(block, heading)
    row[3] = _share(texts[heading, T_LINK], texts[heading, T_LENGTH]) if heading >= 0 else -1
    row[4] = texts[heading, T_LENGTH] if heading >= 0 else -1
    row[5] = headings


@kernel
def _fill_best(node: int, best: int, page: Page, measures: Measures, row: Array) -> None:
    """Where the block stands relative to the node that holds most prose."""
    up = 0
    above = node
    while measures.holds_best[above] == 0:
        above = page.nodes[above, N_PARENT]
        up += 1
    row[0] = above == best
    row[1] = up
    row[2] = page.nodes[best, N_DEPTH] - page.nodes[above, N_DEPTH]
    row[3] = _share(measures.tree[best, U_PROSE], measures.tree[0, U_PROSE])


@kernel
def _fill_alike(group: Array, prose: int, row: Array) -> None:
    row[0] = group[G_COUNT]
    row[1] = _share(group[G_LENGTH], group[G_COUNT])
    row[2] = _share(group[G_LINK], group[G_LENGTH])
    row[3] = _share(group[G_PROSE], prose)


@kernel
def _fill_levels(node: int, nodes: Array, tree: Array, row: Array) -> None:
    """The containers above a block, from the innermost."""
    at = 0
    for _ in range(LEVELS):
        length, blocks, prose = tree[node, U_LENGTH], tree[node, U_BLOCKS], tree[node, U_PROSE]
        row[at] = _share(length, tree[0, U_LENGTH])
        row[at + 1] = _share(tree[node, U_LINK], length)
        row[at + 2] = _share(length, blocks)
        row[at + 3] = blocks
        row[at + 4] = _share(prose, tree[0, U_PROSE])
        row[at + 5] = _share(prose, length)
        row[at + 6] = tree[node, U_ALIKE]
        row[at + 7] = tree[node, U_ORDINAL]
        at += 8
        node = max(0, nodes[node, N_PARENT])


@kernel
def _fill_neighbours(block: int, page: Page, texts: Array, row: Array) -> None:
    at = 0
    nodes = page.nodes
    node = page.blocks[block, B_NODE]
    for offset in OFFSETS:
        other = block + offset
        if 0 <= other < page.state[S_BLOCKS]:
            beside = page.blocks[other, B_NODE]
            row[at] = texts[other, T_LENGTH]
            row[at + 1] = _share(texts[other, T_LINK], texts[other, T_LENGTH])
            row[at + 2] = texts[other, T_SENTENCES]
            row[at + 3] = nodes[beside, N_PARENT] == nodes[node, N_PARENT]
            row[at + 4] = _H1 <= nodes[beside, N_TAG] <= _H6
        else:
            for column in range(5):
                row[at + column] = -1
        at += 5


@kernel
def _fill_names(node: int, inline: np.uint64, page: Page, measures: Measures, row: Array) -> None:
    """Words of attributes near the block, on minor ancestors, on any; elements around it, and its own."""
    near = inline
    nodes = page.nodes
    above = nodes[node, N_PARENT]
    if nodes[node, N_TAG] not in (_BODY, _HTML):
        near |= page.node_bits[node]
        if above >= 0 and nodes[above, N_TAG] not in (_BODY, _HTML):
            near |= page.node_bits[above]
    minor, far = measures.minor[node] | inline, measures.far[node]
    for bit in range(_WORDS):
        shift = np.uint64(bit)
        row[bit] = (near >> shift) & _ONE
        row[_WORDS + bit] = (minor >> shift) & _ONE
        row[2 * _WORDS + bit] = (far >> shift) & _ONE
    row = row[3 * _WORDS :]
    around, own = measures.inside[node], ELEMENT_BITS[nodes[node, N_TAG]]
    for bit in range(_ELEMENTS):
        row[bit] = (around >> bit) & 1
        row[_ELEMENTS + bit] = (own >> bit) & 1


@kernel
def _fill_distances(count: int, texts: Array, features: Array) -> None:
    """How far the nearest prose before and after each block is, and how much prose follows."""
    last = -1
    for block in range(count):
        features[block, _AT_PROSE] = min(block - last, _FAR) if last >= 0 else _FAR
        if texts[block, T_PROSE] > 0:
            last = block
    following = 0
    last = -1
    for block in range(count - 1, -1, -1):
        features[block, _AT_PROSE + 1] = min(last - block, _FAR) if last >= 0 else _FAR
        features[block, _AT_PROSE + 2] = following
        following += texts[block, T_PROSE]
        if texts[block, T_PROSE] > 0:
            last = block


@kernel
def _mark_path(best: int, mark: int, page: Page, measures: Measures) -> None:
    node = best
    while node >= 0:
        measures.holds_best[node] = mark
        node = page.nodes[node, N_PARENT]


@kernel
def fill_features(best: int, title: int, page: Page, measures: Measures, features: Array) -> None:
    """Fill a row of `features` for each block, given the node that holds most prose and the block of the title."""
    count, nodes, texts = page.state[S_BLOCKS], page.nodes, measures.texts
    h1 = -1
    for block in range(count - 1, -1, -1):
        if nodes[page.blocks[block, B_NODE], N_TAG] == _H1:
            h1 = block
    _mark_path(best, 1, page, measures)
    before = 0
    heading = -1
    headings = 0
    for block in range(count):
        row = features[block]
        node = page.blocks[block, B_NODE]
        _fill_own(block, page, texts, row)
        _fill_page(block, before, page, measures, row[_AT_PAGE:])
        _fill_headings(block, title, h1, heading, headings, texts, row[_AT_HEADINGS:])
        _fill_best(node, best, page, measures, row[_AT_BEST:])
        _fill_alike(measures.groups[measures.group_of[block]], measures.tree[0, U_PROSE], row[_AT_ALIKE:])
        _fill_levels(node, nodes, measures.tree, row[_AT_LEVELS:])
        _fill_neighbours(block, page, texts, row[_AT_NEIGHBOURS:])
        _fill_names(node, page.block_bits[block], page, measures, row[_AT_NAMES:])
        before += texts[block, T_LENGTH]
        if _H1 <= nodes[node, N_TAG] <= _H6:
            heading = block
            headings += block > title
    _fill_distances(count, texts, features)
    _mark_path(best, 0, page, measures)
