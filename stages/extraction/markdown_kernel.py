"""Kept blocks to Markdown (CommonMark, with tables as GitHub writes them).

Headings, lists with their depth and numbers, quotations, inline code; what stands in `pre` goes verbatim between
fences; a table whose kept cells hold one block each becomes a table, and so does one that begins with `th`, whose
cells are joined to a line each; others are there for layout and become paragraphs. A caption is a paragraph before its
table. Nothing is escaped, because texts are to be read, not rendered. Emphasis and links are left out.
"""

from __future__ import annotations

from stages.extraction.page_table import (
    B_END,
    B_NODE,
    B_START,
    MARK_CODE,
    MARK_CODE_END,
    N_END_BLOCK,
    N_FIRST_BLOCK,
    N_ORDINAL,
    N_PARENT,
    N_TAG,
    S_BLOCKS,
    Array,
    Page,
)
from stages.extraction.render_kernel import enclosing
from stages.extraction.tag_table import TAG
from tokenizer.kernel_cache import kernel

_LI, _UL, _OL, _TD, _TH, _PRE, _QUOTE = (TAG[name] for name in "li ul ol td th pre blockquote".split())
_H1, _H6, _TABLE, _CAPTION = (TAG[name] for name in "h1 h6 table caption".split())
#: Deeper lists and quotations are written as deep as this.
_DEEPEST = 8
_LINE_END, _SPACE, _BACKTICK, _BAR = 10, 32, 96, 124
#: Most bytes of quotation marks and indentation at the beginning of a line, and of other marks around a block: an
#: item's number, a heading's signs, two fences of three backticks.
_BEGINNING, _MARKS = 4 * _DEEPEST + 2, 40


@kernel
def _depth(node: int, first: int, second: int, nodes: Array) -> int:
    """How many nodes from `node` upwards have either of two tags."""
    depth = 0
    while node > 0:
        depth += nodes[node, N_TAG] in (first, second)
        node = nodes[node, N_PARENT]
    return min(depth, _DEEPEST)


@kernel
def _repeat(byte: int, times: int, out: Array, at: int) -> int:
    for _ in range(times):
        out[at] = byte
        at += 1
    return at


@kernel
def _write_number(number: int, out: Array, at: int) -> int:
    digits = 1
    while number >= 10**digits:
        digits += 1
    for place in range(digits):
        out[at + digits - 1 - place] = 48 + number // 10**place % 10
    return at + digits


@kernel
def _begin_line(quotes: int, indent: int, out: Array, at: int) -> int:
    for _ in range(quotes):
        out[at] = 62
        out[at + 1] = _SPACE
        at += 2
    return _repeat(_SPACE, indent, out, at)


@kernel
def _write_lines(block: int, quotes: int, indent: int, verbatim: bool, page: Page, out: Array, at: int) -> int:
    """Append a block's text, each further line with the same beginning."""
    for position in range(page.blocks[block, B_START], page.blocks[block, B_END]):
        byte = page.text[position]
        if byte == MARK_CODE or byte == MARK_CODE_END:  # noqa: SIM109
            if not verbatim:
                out[at] = _BACKTICK
                at += 1
            continue
        out[at] = byte
        at += 1
        if byte == _LINE_END:
            at = _begin_line(quotes, indent, out, at)
    return at


@kernel
def _write_one_line(block: int, page: Page, out: Array, at: int) -> int:
    """Append a block's text as part of a line: in headings and cells."""
    for position in range(page.blocks[block, B_START], page.blocks[block, B_END]):
        byte = page.text[position]
        if byte == _BAR:
            out[at] = 92
            at += 1
        if byte == MARK_CODE or byte == MARK_CODE_END:  # noqa: SIM109
            out[at] = _BACKTICK
        else:
            out[at] = _SPACE if byte < _SPACE else byte
        at += 1
    return at


@kernel
def _fence_length(first: int, end: int, keep: Array, page: Page) -> int:
    """One more backtick than stand in a row anywhere in these blocks, and three at least."""
    longest = 2
    for block in range(first, end):
        run = 0
        for position in range(page.blocks[block, B_START], page.blocks[block, B_END]):
            run = run + 1 if keep[block] and page.text[position] == _BACKTICK else 0
            longest = max(longest, run)
    return longest + 1


@kernel
def _write_verbatim(
    node: int, first: int, quotes: int, indent: int, keep: Array, page: Page, out: Array, at: int
) -> int:
    """Append the kept blocks of a `pre`, from `first` on, between fences."""
    end = page.nodes[node, N_END_BLOCK]
    fence = _fence_length(first, end, keep, page)
    at = _repeat(_BACKTICK, fence, out, at)
    for block in range(first, end):
        if keep[block]:
            out[at] = _LINE_END
            at = _begin_line(quotes, indent, out, at + 1)
            at = _write_lines(block, quotes, indent, True, page, out, at)
    out[at] = _LINE_END
    at = _begin_line(quotes, indent, out, at + 1)
    return _repeat(_BACKTICK, fence, out, at)


@kernel
def _table_of(node: int, nodes: Array) -> int:
    """The table in whose cells a node is; -1 in none and in a caption."""
    found = enclosing(node, _TABLE, _CAPTION, nodes)
    return found if found >= 0 and nodes[found, N_TAG] == _TABLE else -1


@kernel
def _is_data(table: int, keep: Array, page: Page) -> bool:
    """Whether a table can be written as one: all that is kept of it is in cells of its own, in two columns or more."""
    nodes = page.nodes
    columns = 0
    headed = False
    for block in range(nodes[table, N_FIRST_BLOCK], nodes[table, N_END_BLOCK]):
        node = page.blocks[block, B_NODE]
        caption = columns == 0 and _table_of(node, nodes) < 0 and enclosing(node, _TABLE, _TABLE, nodes) == table
        if not keep[block] or caption:
            continue
        cell = enclosing(node, _TD, _TH, nodes)
        if cell < 0 or enclosing(cell, _TABLE, _TABLE, nodes) != table:
            return False
        if columns == 0 and enclosing(node, _PRE, _PRE, nodes) >= 0:  # a listing beside its line numbers
            return False
        headed = headed or nodes[cell, N_TAG] == _TH
        if not headed and nodes[cell, N_END_BLOCK] - nodes[cell, N_FIRST_BLOCK] != 1:
            return False
        columns = max(columns, nodes[cell, N_ORDINAL] + 1)
    return columns > 1


@kernel
def _end_row(columns: int, cells: int, quotes: int, indent: int, out: Array, at: int) -> int:
    """End a row; after the first one (`columns` > 0) the rule that makes it the table's head."""
    out[at] = _SPACE
    out[at + 1] = _BAR
    at += 2
    if columns > 0:
        out[at] = _LINE_END
        at = _begin_line(quotes, indent, out, at + 1)
        for _ in range(max(columns, cells)):
            out[at], out[at + 1], out[at + 2], out[at + 3] = _BAR, 45, 45, 45
            at += 4
        out[at] = _BAR
        at += 1
    return at


@kernel
def _write_table(table: int, first: int, quotes: int, indent: int, keep: Array, page: Page, out: Array, at: int) -> int:
    """Append the kept cells of a table, whose blocks from `first` on are in cells."""
    nodes = page.nodes
    row = -1
    previous = -1
    cells = 0
    rows = 0
    for block in range(first, nodes[table, N_END_BLOCK]):
        if not keep[block]:
            continue
        cell = enclosing(page.blocks[block, B_NODE], _TD, _TH, nodes)
        if cell == previous:
            out[at] = _SPACE
            at += 1
        previous = cell
        if nodes[cell, N_PARENT] != row:
            if rows > 0:
                at = _end_row(cells if rows == 1 else 0, cells, quotes, indent, out, at)
                out[at] = _LINE_END
                at = _begin_line(quotes, indent, out, at + 1)
            row = nodes[cell, N_PARENT]
            cells = 0
            rows += 1
        while cells <= nodes[cell, N_ORDINAL]:
            if cells > 0:
                out[at] = _SPACE
                at += 1
            out[at], out[at + 1] = _BAR, _SPACE
            at += 2
            cells += 1
        at = _write_one_line(block, page, out, at)
    return _end_row(cells if rows == 1 else 0, cells, quotes, indent, out, at)


@kernel
def _write_marker(item: int, out: Array, at: int, nodes: Array) -> int:
    if nodes[nodes[item, N_PARENT], N_TAG] == _OL:
        at = _write_number(nodes[item, N_ORDINAL] + 1, out, at)
        out[at] = 46
    else:
        out[at] = 45
    out[at + 1] = _SPACE
    return at + 2


def most_bytes(text: int, lines: int, nodes: int) -> int:
    """How long Markdown gets at most of so many bytes of text, in so many blocks and further lines, and elements.

    Text counts twice, as every bar may be escaped, and twice again for the fences around backticks. A line begins
    with up to _BEGINNING bytes, and a block may take three more: the empty one before it and those of two fences.
    An element may be an empty cell, and one more in the rule below a table's head.
    """
    return 4 * text + (4 * (_BEGINNING + 1) + _MARKS) * (lines + 1) + 8 * nodes


@kernel
def render_markdown(keep: Array, page: Page, out: Array) -> int:
    """Write the kept blocks to `out`, which has room for `most_bytes`; the number of bytes."""
    nodes = page.nodes
    at = 0
    previous = -1
    layout = -1  # the table that was last found to be none of data
    block = 0
    while block < page.state[S_BLOCKS]:
        if not keep[block]:
            block += 1
            continue
        node = page.blocks[block, B_NODE]
        item = enclosing(node, _LI, _LI, nodes)
        begins_item = item >= 0 and previous < nodes[item, N_FIRST_BLOCK]
        quotes = _depth(node, _QUOTE, _QUOTE, nodes)
        lists = _depth(node, _UL, _OL, nodes) if item >= 0 else 0
        if previous >= 0:
            follows_item = begins_item and enclosing(page.blocks[previous, B_NODE], _LI, _LI, nodes) >= 0
            at = _repeat(_LINE_END, 1, out, at)
            if not follows_item:
                both = min(quotes, _depth(page.blocks[previous, B_NODE], _QUOTE, _QUOTE, nodes))
                at = _repeat(_LINE_END, 1, out, _begin_line(both, 0, out, at))
        indent = 2 * max(0, lists - 1)
        at = _begin_line(quotes, indent, out, at)
        if begins_item:
            at = _write_marker(item, out, at, nodes)
        elif item >= 0:
            at = _repeat(_SPACE, 2, out, at)
        indent += 2 if item >= 0 else 0
        previous = block
        table, verbatim = _table_of(node, nodes), enclosing(node, _PRE, _PRE, nodes)
        if verbatim >= 0:
            at = _write_verbatim(verbatim, block, quotes, indent, keep, page, out, at)
            previous = nodes[verbatim, N_END_BLOCK] - 1
        elif table >= 0 and table != layout and _is_data(table, keep, page):
            at = _write_table(table, block, quotes, indent, keep, page, out, at)
            previous = nodes[table, N_END_BLOCK] - 1
        elif _H1 <= nodes[node, N_TAG] <= _H6:
            at = _repeat(35, nodes[node, N_TAG] - _H1 + 1, out, at)
            out[at] = _SPACE
            at = _write_one_line(block, page, out, at + 1)
        else:
            layout = table
            at = _write_lines(block, quotes, indent, False, page, out, at)
        block = previous + 1
    return at
