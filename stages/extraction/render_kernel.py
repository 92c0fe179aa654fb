"""Kept blocks to plain text: paragraphs apart by an empty line, items and lines by a line end, cells by a tab."""

from __future__ import annotations

from stages.extraction.page_table import (
    B_END,
    B_NODE,
    B_START,
    MARK_CODE,
    MARK_CODE_END,
    N_END_BLOCK,
    N_FIRST_BLOCK,
    N_PARENT,
    N_TAG,
    S_BLOCKS,
    Array,
    Page,
)
from stages.extraction.tag_table import TAG
from tokenizer.kernel_cache import kernel

_P, _LI, _TD, _TH, _PRE, _QUOTE = (TAG[name] for name in "p li td th pre blockquote".split())
_H1, _H6, _TABLE, _CAPTION = (TAG[name] for name in "h1 h6 table caption".split())


@kernel
def enclosing(node: int, first: int, second: int, nodes: Array) -> int:
    """The nearest node from `node` upwards with either of two tags, or -1."""
    while node > 0:
        tag = nodes[node, N_TAG]
        if tag in (first, second):
            return node
        node = nodes[node, N_PARENT]
    return -1


@kernel
def _is_paragraph(block: int, page: Page) -> bool:
    node = page.blocks[block, B_NODE]
    tag = page.nodes[node, N_TAG]
    if tag == _P:
        # A paragraph that is all of a list item or cell is that.
        above = page.nodes[node, N_PARENT]
        whole = page.nodes[above, N_END_BLOCK] - page.nodes[above, N_FIRST_BLOCK] == 1
        return not (whole and page.nodes[above, N_TAG] in (_LI, _TD, _TH))
    return _H1 <= tag <= _H6 or tag in (_PRE, _QUOTE, _CAPTION)


@kernel
def same_row(previous: int, block: int, page: Page) -> bool:
    """Whether two blocks are each all of a cell, in one row of a table."""
    nodes = page.nodes
    left = enclosing(page.blocks[previous, B_NODE], _TD, _TH, nodes)
    right = enclosing(page.blocks[block, B_NODE], _TD, _TH, nodes)
    if left < 0 or right < 0 or left == right or nodes[left, N_PARENT] != nodes[right, N_PARENT]:
        return False
    single = nodes[left, N_END_BLOCK] - nodes[left, N_FIRST_BLOCK] == 1
    return single and nodes[right, N_END_BLOCK] - nodes[right, N_FIRST_BLOCK] == 1


@kernel
def copy_text(block: int, page: Page, out: Array, at: int) -> int:
    """Append a block's text without marks; position after it."""
    for position in range(page.blocks[block, B_START], page.blocks[block, B_END]):
        byte = page.text[position]
        if byte != MARK_CODE and byte != MARK_CODE_END:
            out[at] = byte
            at += 1
    return at


@kernel
def render_text(keep: Array, page: Page, out: Array) -> int:
    """Write the kept blocks to `out` (as long as the text and two bytes a block); the number of bytes."""
    at = 0
    previous = -1
    for block in range(page.state[S_BLOCKS]):
        if not keep[block]:
            continue
        if previous >= 0:
            if same_row(previous, block, page):
                out[at] = 9
                at += 1
            else:
                ends = 2 if _is_paragraph(previous, page) or _is_paragraph(block, page) else 1
                for _ in range(ends):
                    out[at] = 10
                    at += 1
        at = copy_text(block, page, out, at)
        previous = block
    return at
