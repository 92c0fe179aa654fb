"""The stack of open elements: which containers and inline elements a tag opens and closes.

Containers follow the HTML standard's tree builder ("in body" and "in table"): a start tag ends what it implies, an end
tag closes down to its start tag unless a table cell or list lies between, and stray end tags are ignored. An inline
element ends with its end tag or with the container around it; only what it means for text is kept.
"""

from __future__ import annotations

import numpy as np

from stages.extraction.page_table import (
    I_STACK,
    I_TAG,
    INLINE_LIMIT,
    N_CHILDREN,
    N_DEPTH,
    N_END_BLOCK,
    N_FIRST_BLOCK,
    N_ORDINAL,
    N_PARENT,
    N_TAG,
    S_BLOCKS,
    S_EMPHASIS,
    S_INLINE,
    S_LINK,
    S_LINK_START,
    S_LINKS,
    S_MUTE,
    S_NODES,
    S_STACK,
    S_STATUS,
    S_TEXT,
    S_VERBATIM,
    TOO_DEEP,
    TOO_MANY_NODES,
    Page,
)
from stages.extraction.tag_table import TAG
from tokenizer.kernel_cache import inlined_kernel, kernel

#: Bit of an inline element whose text is left out: with aria-hidden, as formulas drawn besides their source have.
#: What `hidden` or a style hides stays, because scripts show it: tabs, answers, the text of an application.
MUTED = np.uint64(1 << 63)
_P, _LI, _UL, _OL, _DT, _DD, _TABLE = (TAG[name] for name in "p li ul ol dt dd table".split())
_TR, _TD, _TH, _CAPTION, _PRE, _DIV, _ADDRESS = (TAG[name] for name in "tr td th caption pre div address".split())
_TBODY, _THEAD, _TFOOT, _H1, _H6, _BODY, _HTML = (TAG[name] for name in "tbody thead tfoot h1 h6 body html".split())
_A, _B, _STRONG, _EM, _I, _BUTTON = (TAG[name] for name in "a b strong em i button".split())


@kernel
def _count_inline(tag: int, bits: np.uint64, change: int, page: Page) -> None:
    """Count an inline element that opens (1) or ends (-1) where it means something for text."""
    if tag == _A:
        page.state[S_LINK] += change
    elif tag in (_B, _STRONG, _EM, _I):
        page.state[S_EMPHASIS] += change
    if bits & MUTED:
        page.state[S_MUTE] += change


@kernel
def _end_inline_from(first: int, page: Page) -> None:
    for index in range(first, page.state[S_INLINE]):
        _count_inline(page.inline[index, I_TAG], page.inline_bits[index], -1, page)
    page.state[S_INLINE] = first


@kernel
def open_inline(tag: int, bits: np.uint64, page: Page) -> None:
    state = page.state
    if tag == _A:
        state[S_LINKS] += 1
        end_inline(_A, page)  # a link ends the one before
        state[S_LINK_START] = state[S_TEXT]
    if state[S_INLINE] >= INLINE_LIMIT:
        return
    index = state[S_INLINE]
    page.inline[index, I_TAG], page.inline[index, I_STACK] = tag, state[S_STACK]
    page.inline_bits[index] = bits
    state[S_INLINE] += 1
    _count_inline(tag, bits, 1, page)


@kernel
def end_inline(tag: int, page: Page) -> None:
    """End the innermost open element of this name; those opened later stay open, as formatting elements do."""
    index = page.state[S_INLINE] - 1
    while index >= 0 and page.inline[index, I_TAG] != tag:
        index -= 1
    if index < 0:
        return
    _count_inline(tag, page.inline_bits[index], -1, page)
    for later in range(index + 1, page.state[S_INLINE]):
        page.inline[later - 1, I_TAG] = page.inline[later, I_TAG]
        page.inline[later - 1, I_STACK] = page.inline[later, I_STACK]
        page.inline_bits[later - 1] = page.inline_bits[later]
    page.state[S_INLINE] -= 1


@inlined_kernel
def close_containers(size: int, page: Page) -> None:
    """Close containers until `size` are open, and the inline elements in them."""
    state = page.state
    while state[S_STACK] > size:
        state[S_STACK] -= 1
        node = page.stack[state[S_STACK]]
        tag = page.nodes[node, N_TAG]
        page.nodes[node, N_END_BLOCK] = state[S_BLOCKS]
        page.counts[tag] -= 1
        if tag == _PRE:
            state[S_VERBATIM] -= 1
    index = state[S_INLINE]
    while index > 0 and page.inline[index - 1, I_STACK] > size:
        index -= 1
    _end_inline_from(index, page)


@kernel
def _is_section(tag: int) -> bool:
    return tag in (_TBODY, _THEAD, _TFOOT)


@kernel
def _implied_by_item(tag: int, size: int, page: Page) -> int:
    """`li`, `dt` and `dd` end an item of their kind that only div, p or address keep from the top of the stack."""
    at = size - 1
    while at > 0:
        other = page.nodes[page.stack[at], N_TAG]
        if (tag == _LI and other == _LI) or (tag != _LI and (other in (_DT, _DD))):
            return at
        if other != _DIV and other != _P and other != _ADDRESS:
            return size
        at -= 1
    return size


@kernel
def _implied_by_table_part(tag: int, size: int, page: Page) -> int:
    """Cells end cells, rows end rows, sections end sections, up to the table they stand in."""
    if page.counts[_TABLE] == 0:
        return size
    cell = tag in (_TD, _TH)
    keep = size
    at = size - 1
    while at > 0:
        other = page.nodes[page.stack[at], N_TAG]
        if other == _TABLE:
            return keep
        ends = other in (_TD, _TH, _CAPTION) or (other == _TR and not cell)
        if ends or (_is_section(other) and _is_section(tag)):
            keep = at
        at -= 1
    return size


@inlined_kernel
def _kept_open(tag: int, page: Page) -> int:
    """How many containers stay open when one named `tag` begins."""
    size = page.state[S_STACK]
    if tag in (_HTML, _BODY):
        return size
    top = page.nodes[page.stack[size - 1], N_TAG]
    if top == _P and tag != _BUTTON:
        size -= 1
        top = page.nodes[page.stack[size - 1], N_TAG]
    if _H1 <= tag <= _H6 and _H1 <= top <= _H6:
        return size - 1
    if tag in (_LI, _DT, _DD):
        return _implied_by_item(tag, size, page)
    if tag in (_TD, _TH, _TR) or _is_section(tag):
        return _implied_by_table_part(tag, size, page)
    return size


@inlined_kernel
def open_container(tag: int, bits: np.uint64, class_hash: np.uint64, page: Page) -> None:
    """Add a node and open it, after closing what its tag ends."""
    state = page.state
    keep = _kept_open(tag, page)
    if keep < state[S_STACK]:
        close_containers(keep, page)
    node = state[S_NODES]
    if state[S_STACK] >= len(page.stack):
        state[S_STATUS] = TOO_DEEP
        return
    if node >= len(page.nodes):
        state[S_STATUS] = TOO_MANY_NODES
        return
    parent = page.stack[state[S_STACK] - 1]
    row = page.nodes[node]
    row[N_TAG], row[N_PARENT], row[N_DEPTH] = tag, parent, state[S_STACK]
    row[N_FIRST_BLOCK], row[N_END_BLOCK] = state[S_BLOCKS], state[S_BLOCKS]
    row[N_CHILDREN], row[N_ORDINAL] = 0, page.nodes[parent, N_CHILDREN]
    page.nodes[parent, N_CHILDREN] += 1
    page.node_bits[node] = bits
    page.signatures[node] = class_hash ^ (np.uint64(tag) * np.uint64(0x9E3779B97F4A7C15))
    page.stack[state[S_STACK]] = node
    page.counts[tag] += 1
    state[S_STACK] += 1
    state[S_NODES] += 1
    if tag == _PRE:
        state[S_VERBATIM] += 1


@kernel
def open_after_end(tag: int, page: Page) -> int:
    """How many containers stay open after the end tag of `tag`; as many as are open where it ends none."""
    size = page.state[S_STACK]
    if page.counts[tag] == 0 or tag in (_BODY, _HTML):
        return size
    cell_or_row = tag in (_TR, _TD, _TH, _CAPTION) or _is_section(tag)
    heading = _H1 <= tag <= _H6
    at = size - 1
    while at > 0:
        other = page.nodes[page.stack[at], N_TAG]
        if other == tag or (heading and _H1 <= other <= _H6):
            return at
        if other == _TABLE and tag != _TABLE:
            return size
        if not cell_or_row and tag != _TABLE and (other in (_TD, _TH, _CAPTION)):
            return size
        if tag == _LI and (other in (_UL, _OL)):
            return size
        at -= 1
    return size
