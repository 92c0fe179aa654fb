"""The engine `blocks` of extract_text: scan a page, judge its blocks, write those that are kept.

Pages go through one after another in buffers that are kept, nothing of a page is left for the next one, and every
step is linear in the page for given limits. On one core a page of news of 174 kB takes about half a millisecond: a
third to scan, a third to measure, the rest to judge.
"""

from __future__ import annotations

import numpy as np

from stages.extraction.classifier_kernel import CONTEXT, score_blocks
from stages.extraction.features_kernel import FEATURES
from stages.extraction.forest import empty_tile
from stages.extraction.markdown_kernel import most_bytes, render_markdown
from stages.extraction.markup_kernel import NAVIGATION
from stages.extraction.model import Model
from stages.extraction.page_reader import PageReader
from stages.extraction.page_table import B_NODE, DONE, S_NODES, S_TEXT, TOO_DEEP
from stages.extraction.render_kernel import render_text
from stages.extraction.text_measures_kernel import drop_copies


class BlockExtractor:
    """Text of pages: of their main content as a model judges it, or of the whole page without one."""

    def __init__(self, model: Model | None, markdown: bool, max_depth: int, max_nodes: int) -> None:
        self._model, self._markdown = model, markdown
        self._reader = PageReader(max_depth, max_nodes)
        self._out = np.empty(0, np.uint8)
        self._rows = np.empty((0, len(FEATURES) + len(CONTEXT)), np.float32)
        self._tile = empty_tile(self._rows.shape[1])

    def text_of(self, html: bytes) -> tuple[str, str | None]:
        """The text of a page in UTF-8, and why there is none."""
        reader = self._reader
        status = reader.scan(html)
        if status == TOO_DEEP:
            return "", f"the page nests deeper than max_depth ({reader.max_depth})"
        if status != DONE:
            return "", f"the page has more than max_nodes ({reader.max_nodes}) elements"
        keep = np.ones(reader.blocks, np.bool_) if self._model is None else self._main_blocks()
        return self._render(keep), None

    def _main_blocks(self) -> np.ndarray:
        """The blocks more likely main content than not, less what the page calls navigation and second copies."""
        page, measures = self._reader.page, self._reader.measures
        main = self.scores() > 0
        # An element around half of the page was never closed, or is called so by mistake.
        inside = measures.minor[page.blocks[: len(main), B_NODE]]
        main &= inside & NAVIGATION == 0
        drop_copies(main, page, measures)
        return main

    def scores(self) -> np.ndarray:
        """The model's score (int64) of each block of the page just scanned."""
        assert self._model is not None
        count = self._reader.blocks
        if len(self._rows) < count:
            self._rows = np.empty((count + count // 2, self._rows.shape[1]), np.float32)
        first, second = self._model.forests
        rows, scores = self._rows[:count], np.empty(count, np.int64)
        self._reader.fill_features(rows)
        score_blocks(rows, first, self._tile, scores)
        self._reader.fill_context(scores, rows[:, len(FEATURES) :])
        score_blocks(rows, second, self._tile, scores)
        return scores

    def _render(self, keep: np.ndarray) -> str:
        page = self._reader.page
        text, nodes = int(page.state[S_TEXT]), int(page.state[S_NODES])
        room = text + 2 * len(keep) + 2  # plain text adds at most two line ends a block
        if self._markdown:
            room = most_bytes(text, len(keep) + int(np.count_nonzero(page.text[:text] == 10)), nodes)
        if len(self._out) < room:
            self._out = np.empty(room + room // 2, np.uint8)
        size = (render_markdown if self._markdown else render_text)(keep, page, self._out)
        return self._out[:size].tobytes().decode()
