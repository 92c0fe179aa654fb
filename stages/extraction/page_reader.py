"""A page's bytes to its scanned tables and measures: buffers kept from page to page, and the order of the kernels."""

from __future__ import annotations

import numpy as np

from stages.extraction import attribute_word_table, entity_table, tag_table
from stages.extraction.classifier_kernel import fill_context
from stages.extraction.features_kernel import fill_features
from stages.extraction.markup_kernel import ATTRIBUTES
from stages.extraction.page_table import (
    BLOCK_COLUMNS,
    INLINE_COLUMNS,
    INLINE_LIMIT,
    LIKELY_COLUMNS,
    NODE_COLUMNS,
    S_BLOCKS,
    S_NODES,
    S_TITLE,
    S_TITLE_END,
    STATES,
    Measures,
    Names,
    Page,
)
from stages.extraction.scan_kernel import scan_page
from stages.extraction.text_measures_kernel import TEXT_COLUMNS, TITLE_WORDS, measure_repetition, measure_texts
from stages.extraction.tree_measures_kernel import (
    GROUP_COLUMNS,
    TREE_COLUMNS,
    count_alike_nodes,
    group_alike_blocks,
    pass_down,
    sum_subtrees,
)

NAMES = Names(
    tag_table.TAG_KEYS,
    tag_table.TAG_NUMBERS,
    tag_table.ROLES,
    attribute_word_table.WORD_KEYS,
    attribute_word_table.WORD_BITS,
    entity_table.ENTITY_KEYS,
    entity_table.ENTITY_TEXTS,
    entity_table.WINDOWS_1252,
)
_TAGS = len(tag_table.NAMES) + 1


def _table_size(entries: int) -> int:
    """A power of two that leaves a hash table at most half full."""
    return 1 << max(6, (2 * entries).bit_length())


class PageReader:
    """Scans pages one after another into the same buffers, which grow with the largest page seen."""

    def __init__(self, max_depth: int, max_nodes: int) -> None:
        self.max_depth, self.max_nodes = max_depth, max_nodes
        self._room = -1

    def _make_room(self, size: int) -> None:
        """Buffers for a page of `size` bytes: a node needs three of them (`<p>`), and so does a block."""
        if size <= self._room:
            return
        self._room = max(1 << 18, size + size // 2)
        rows = min(self.max_nodes, self._room // 3) + 2
        slots = _table_size(max(self._room // 2 + rows, 2 * rows))
        # Not zeroed, for then memory that no page ever needs would be touched; the kernels write before they read.
        self.page = Page(
            nodes=np.empty((rows, NODE_COLUMNS), np.int32),
            node_bits=np.empty(rows, np.uint64),
            signatures=np.empty(rows, np.uint64),
            blocks=np.empty((rows, BLOCK_COLUMNS), np.int32),
            block_bits=np.empty(rows, np.uint64),
            text=np.empty(self._room + 16, np.uint8),
            state=np.empty(STATES, np.int64),
            stack=np.empty(self.max_depth + 1, np.int32),
            inline=np.empty((INLINE_LIMIT, INLINE_COLUMNS), np.int32),
            inline_bits=np.empty(INLINE_LIMIT + 1, np.uint64),
            counts=np.empty(_TAGS, np.int32),
            unclosed=np.empty(_TAGS, np.uint8),
            attributes=np.empty(ATTRIBUTES, np.uint64),
        )
        self.measures = Measures(
            texts=np.empty((rows, TEXT_COLUMNS), np.int32),
            tree=np.empty((rows, TREE_COLUMNS), np.int32),
            far=np.empty(rows, np.uint64),
            minor=np.empty(rows, np.uint64),
            inside=np.empty(rows, np.int64),
            group_of=np.empty(rows, np.int64),
            groups=np.empty((_table_size(rows), GROUP_COLUMNS), np.int64),
            # Zero between pages: `fill_features` takes back what it marks.
            holds_best=np.zeros(rows, np.uint8),
            title_words=np.empty(TITLE_WORDS, np.uint64),
            likely=np.empty((rows + 1, LIKELY_COLUMNS), np.float64),
            alike=np.empty((_table_size(rows), 2), np.float64),
            keys=np.empty(slots, np.uint64),
            first=np.empty(slots, np.int32),
        )

    def scan(self, html: bytes) -> int:
        """Fill `page` from UTF-8; DONE, TOO_DEEP or TOO_MANY_NODES."""
        self._make_room(len(html))
        self.html = np.frombuffer(html, np.uint8)
        return int(scan_page(self.html, NAMES, self.page))

    @property
    def blocks(self) -> int:
        return int(self.page.state[S_BLOCKS])

    def fill_features(self, rows: np.ndarray) -> None:
        """Measure the scanned page: a row of FEATURES (float32) for each block."""
        page, measures, state = self.page, self.measures, self.page.state
        words = measure_texts(page, measures)
        title = self.html[state[S_TITLE] : state[S_TITLE_END]]
        said = measure_repetition(title, measures.keys[: _table_size(words)], page, measures)
        best = sum_subtrees(page, measures)
        pass_down(page, measures)
        count_alike_nodes(measures.keys[: _table_size(int(state[S_NODES]))], page, measures)
        group_alike_blocks(measures.keys[: _table_size(self.blocks)], page, measures)
        fill_features(best, said, page, measures, rows)

    def fill_context(self, scores: np.ndarray, rows: np.ndarray) -> None:
        """What the second round is told besides: a row of CONTEXT for each block, after `fill_features`."""
        fill_context(scores, self.page, self.measures, rows)
