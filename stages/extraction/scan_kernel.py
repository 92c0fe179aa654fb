"""One pass over a page's bytes (UTF-8): its tree of containers and its text, cut into blocks.

A tolerant HTML parser reduced to what text needs. Containers (`div`, `p`, `td`, ...) are nodes; inline elements are
none, but their attributes count for the text inside. Scripts, styles and drawings are passed over; character
references become characters, white space collapses except in `pre`. Mathematics is taken as TeX where the page
carries it, in an annotation of MathML or a script for MathJax.

A *block* is a run of text that no container's tag interrupts; two `<br>` in a row also end one. It stands below the
innermost open container.

Cost: linear in the page for a given limit of depth, whatever it contains; about 1.3 GB/s on pages of news, half of
them scripts. The text never outgrows the page, so a buffer of the page's size and a little more is enough.
"""

from __future__ import annotations

import numpy as np

from stages.extraction import tag_table
from stages.extraction.markup_kernel import (
    A_ARIA_HIDDEN,
    A_CLASS,
    A_MATH,
    A_SELF_CLOSING,
    NAVIGATION,
    after_comment,
    after_tag,
    find_end_tag,
    next_byte,
    read_attributes,
    read_name,
    read_reference,
    tag_number,
)
from stages.extraction.page_table import (
    B_BREAKS,
    B_EMPHASIS_BYTES,
    B_END,
    B_IMAGES,
    B_LINK_BYTES,
    B_LINKS,
    B_NODE,
    B_SOURCE,
    B_START,
    B_TAGS,
    B_VERBATIM,
    DONE,
    INLINE_LIMIT,
    MARK_CODE,
    MARK_CODE_END,
    N_PARENT,
    S_BLOCK_START,
    S_BLOCKS,
    S_BREAK,
    S_BREAKS,
    S_EMPHASIS,
    S_EMPHASIS_BYTES,
    S_IMAGES,
    S_INLINE,
    S_LINK,
    S_LINK_BYTES,
    S_LINK_START,
    S_LINKS,
    S_MUTE,
    S_NODES,
    S_SOURCE,
    S_SPACE,
    S_STACK,
    S_STATUS,
    S_TAGS,
    S_TEXT,
    S_TITLE,
    S_TITLE_END,
    S_VERBATIM,
    TOO_MANY_NODES,
    Array,
    Names,
    Page,
)
from stages.extraction.tag_table import CONTAINER, INLINE, RAW, SKIPPED, TAG
from stages.extraction.tree_kernel import (
    MUTED,
    close_containers,
    end_inline,
    open_after_end,
    open_container,
    open_inline,
)
from tokenizer.kernel_cache import inlined_kernel, kernel

_BR, _IMG, _HR, _CODE, _TT, _KBD, _SAMP = (TAG[name] for name in "br img hr code tt kbd samp".split())
_A, _MATH, _NAV, _SCRIPT, _TITLE = (TAG[name] for name in "a math nav script title".split())
_ANNOTATION, _TEX = np.uint64(tag_table.packed("annotati")), np.uint64(tag_table.packed("tex"))


@kernel
def end_block(page: Page) -> None:
    """Close the block being written, if it has text, and begin the next one."""
    state, text = page.state, page.text
    start, end = state[S_BLOCK_START], state[S_TEXT]
    while end > start and 8 < text[end - 1] <= 32:
        end -= 1
    visible = False
    for at in range(start, end):
        if text[at] > 32:
            visible = True
            break
    if not visible:
        end = start
    elif state[S_BLOCKS] >= len(page.blocks):
        state[S_STATUS] = TOO_MANY_NODES
    else:
        row = page.blocks[state[S_BLOCKS]]
        row[B_START], row[B_END], row[B_NODE] = start, end, page.stack[state[S_STACK] - 1]
        row[B_LINK_BYTES], row[B_LINKS] = state[S_LINK_BYTES], state[S_LINKS]
        row[B_EMPHASIS_BYTES], row[B_IMAGES] = state[S_EMPHASIS_BYTES], state[S_IMAGES]
        row[B_TAGS], row[B_BREAKS], row[B_SOURCE] = state[S_TAGS], state[S_BREAKS], state[S_SOURCE]
        row[B_VERBATIM] = state[S_VERBATIM] > 0
        page.block_bits[state[S_BLOCKS]] = page.inline_bits[INLINE_LIMIT]
        state[S_BLOCKS] += 1
        state[S_LINKS], state[S_IMAGES], state[S_TAGS] = 0, 0, 0
    state[S_TEXT], state[S_BLOCK_START] = end, end
    state[S_LINK_BYTES], state[S_EMPHASIS_BYTES], state[S_BREAKS] = 0, 0, 0
    state[S_SPACE], state[S_BREAK] = 0, 0
    page.inline_bits[INLINE_LIMIT] = 0


@kernel
def _note_text(before: int, position: int, page: Page) -> None:
    """Account for text written from `before` on: links, emphasis, attributes of inline elements around it."""
    state = page.state
    if state[S_LINK] > 0:
        state[S_LINK_BYTES] += state[S_TEXT] - before
    if state[S_EMPHASIS] > 0:
        state[S_EMPHASIS_BYTES] += state[S_TEXT] - before
    if before == state[S_BLOCK_START]:
        state[S_SOURCE] = position
    for index in range(state[S_INLINE]):
        page.inline_bits[INLINE_LIMIT] |= page.inline_bits[index]


@kernel
def _begins_markup(data: Array, position: int, end: int) -> bool:
    """Whether the `<` at `position` is more than a character."""
    if position + 1 >= end:
        return False
    after = data[position + 1]
    return 97 <= after | 32 <= 122 or after == 47 or after == 33 or after == 63


@kernel
def _is_blank(text: Array, start: int, end: int) -> bool:
    """Whether a character just written is white space: a control, a space or U+00A0."""
    return text[start] <= 32 or (end == start + 2 and text[start] == 0xC2 and text[start + 1] == 0xA0)


@kernel
def _needs_no_space(text: Array, start: int, at: int) -> bool:
    """Whether white space here is no word's end: at the start of a block or line, or after a space."""
    if at > start and text[at - 1] == MARK_CODE:
        at -= 1
    return at == start or text[at - 1] == 10 or text[at - 1] == 32


@inlined_kernel
def _read_text(data: Array, position: int, end: int, names: Names, page: Page) -> int:
    """Append the text from `position` to the next tag; white space collapses. Position of that tag."""
    state, text = page.state, page.text
    at = before = state[S_TEXT]
    source = position
    verbatim = state[S_VERBATIM] > 0
    space = state[S_SPACE] != 0
    empty = _needs_no_space(text, state[S_BLOCK_START], at)
    while position < end:
        byte = data[position]
        if byte == 60 and _begins_markup(data, position, end):
            break
        if byte <= 32 or (byte == 0xC2 and position + 1 < end and data[position + 1] == 0xA0):
            if verbatim:
                text[at] = byte if byte == 10 or byte == 9 else 32
                # A verbatim block may begin with spaces, but not with the line end after its tag.
                at += not (byte == 13 or (byte == 10 and at == state[S_BLOCK_START]))
            space = not verbatim
            position += 1 if byte <= 32 else 2
            continue
        if space:
            if not empty:
                text[at] = 32
                at += 1
            space = False
        empty = False
        if byte == 38:
            written = at
            position, at = read_reference(
                data, position, end, text, at, names.entity_keys, names.entity_texts, names.windows_1252
            )
            if _is_blank(text, written, at):
                text[written] = 10 if text[written] == 10 else 32
                at = written + (1 if verbatim else 0)
                if not verbatim and at > state[S_BLOCK_START] and text[at - 1] == 32:
                    at -= 1
                space = not verbatim
                empty = _needs_no_space(text, state[S_BLOCK_START], at)
        else:
            text[at] = byte
            at += 1
            position += 1
    state[S_SPACE] = space
    if state[S_MUTE] == 0 and at > before:
        state[S_TEXT] = at
        state[S_BREAK] = 0
        _note_text(before, source, page)
    return position


@kernel
def _mark_code(tag: int, mark: int, page: Page) -> None:
    """Note in the text where inline code begins or ends."""
    state = page.state
    if tag not in (_CODE, _TT, _KBD, _SAMP) or state[S_VERBATIM] > 0 or state[S_MUTE] > 0:
        return
    if mark == MARK_CODE and state[S_SPACE] != 0 and state[S_TEXT] > state[S_BLOCK_START]:
        page.text[state[S_TEXT]] = 32
        state[S_TEXT] += 1
        state[S_SPACE] = 0
    page.text[state[S_TEXT]] = mark
    state[S_TEXT] += 1


@kernel
def _break_line(page: Page) -> None:
    """`<br>`: the end of a line, and the second in a row the end of the block."""
    state = page.state
    if state[S_VERBATIM] == 0 and state[S_BREAK] > 0:
        end_block(page)
    elif state[S_MUTE] == 0 and (state[S_VERBATIM] > 0 or state[S_TEXT] > state[S_BLOCK_START]):
        page.text[state[S_TEXT]] = 10
        state[S_TEXT] += 1
        state[S_BREAK] = 1
        state[S_BREAKS] += 1
        state[S_SPACE] = 0


@kernel
def _after_skipped(data: Array, position: int, end: int, name: np.uint64) -> int:
    """Position after the end tag of an element that is passed over with all inside, or -1 without one."""
    open_elements = 1
    while True:
        position = next_byte(data, position, end, 60)
        if position + 1 >= end:
            return -1
        closing = data[position + 1] == 47
        found, after, _ = read_name(data, position + (2 if closing else 1), end)
        position += 1
        if found == name:
            open_elements += -1 if closing else 1
            if open_elements == 0:
                return after_tag(data, after, end)
            position = after


@kernel
def _tex_start(data: Array, position: int, end: int) -> int:
    """Where the TeX begins that a `math` element carries as an annotation; the end without one."""
    while position + 12 < end:
        if data[position] == 60 and data[position + 1] | 32 == 97:
            name, after, _ = read_name(data, position + 1, end)
            start = after_tag(data, after, end)
            if name == _ANNOTATION:
                for at in range(after, start - 3):
                    if data[at] == 45 and read_name(data, at + 1, at + 4)[0] == _TEX:  # application/x-tex
                        return start
        position += 1
    return end


@kernel
def _write_tex(data: Array, position: int, end: int, names: Names, page: Page) -> None:
    """Append TeX between dollar signs."""
    state, text = page.state, page.text
    if state[S_MUTE] > 0:
        return
    if state[S_SPACE] and state[S_TEXT] > state[S_BLOCK_START]:
        text[state[S_TEXT]] = 32
        state[S_TEXT] += 1
    before = state[S_TEXT]
    text[before] = 36
    state[S_TEXT] += 1
    state[S_SPACE] = 0
    while position < end:
        position = _read_text(data, position, end, names, page)
        if position < end:
            text[state[S_TEXT]] = data[position]
            state[S_TEXT] += 1
            position += 1
    text[state[S_TEXT]] = 36
    state[S_TEXT] += 1
    state[S_SPACE] = 0
    _note_text(before, position, page)


@kernel
def _after_declaration(data: Array, position: int, end: int) -> int:
    """Position after a comment, doctype, processing instruction or end tag without a name."""
    if position + 3 < end and data[position + 1] == 33 and data[position + 2] == 45 and data[position + 3] == 45:
        return after_comment(data, position + 2, end)
    return next_byte(data, position, end, 62) + 1


@kernel
def _is_permalink_sign(text: Array, start: int, end: int) -> bool:
    """Whether a text is no more than the sign by which headings link to themselves: ¶, § or #."""
    if start < end and text[start] == 32:
        start += 1
    if end - start == 2:
        return text[start] == 0xC2 and (text[start + 1] == 0xB6 or text[start + 1] == 0xA7)
    return end - start == 1 and text[start] == 35


@kernel
def _take_back_permalink(page: Page) -> None:
    """Where the link that ends here is the sign of a permalink, leave it out."""
    state = page.state
    start, end = state[S_LINK_START], state[S_TEXT]
    if state[S_LINK] > 0 and start >= state[S_BLOCK_START] and _is_permalink_sign(page.text, start, end):
        state[S_TEXT] = start
        state[S_LINK_BYTES] -= end - start
        state[S_SPACE] = state[S_VERBATIM] == 0


@inlined_kernel
def _end_tag(tag: int, role: int, page: Page) -> None:
    if role == CONTAINER:
        size = open_after_end(tag, page)
        if size < page.state[S_STACK]:
            end_block(page)
            close_containers(size, page)
    elif role == INLINE:
        _mark_code(tag, MARK_CODE_END, page)
        if tag == _A:
            _take_back_permalink(page)
        end_inline(tag, page)
    elif tag == _BR:
        _break_line(page)


@kernel
def _after_content(
    tag: int, role: int, name: np.uint64, data: Array, position: int, end: int, names: Names, page: Page
) -> int:
    """Position after an element whose content is no markup (scripts) or not for reading (drawings)."""
    if role == RAW:
        close = find_end_tag(data, position, end, name)
        if tag == _SCRIPT and page.attributes[A_MATH] != 0:
            _write_tex(data, position, close, names, page)
        elif tag == _TITLE and page.state[S_TITLE_END] == 0:
            page.state[S_TITLE], page.state[S_TITLE_END] = position, close
        return close
    if page.unclosed[tag] or page.attributes[A_SELF_CLOSING]:
        return position
    after = _after_skipped(data, position, end, name)
    if after < 0:
        page.unclosed[tag] = 1  # so that the rest of the page is searched once
        return position
    if tag == _MATH:
        tex = _tex_start(data, position, after)
        if tex == after:
            return position
        _write_tex(data, tex, find_end_tag(data, tex, after, _ANNOTATION), names, page)
    return after


@inlined_kernel
def _start_tag(
    tag: int, role: int, name: np.uint64, bits: np.uint64, data: Array, position: int, names: Names, page: Page
) -> int:
    """What a start tag does, its attributes read up to `position`; position to go on from."""
    if role == CONTAINER:
        end_block(page)
        open_container(tag, bits | (NAVIGATION if tag == _NAV else np.uint64(0)), page.attributes[A_CLASS], page)
    elif role == INLINE:
        open_inline(tag, bits | (MUTED if page.attributes[A_ARIA_HIDDEN] != 0 else np.uint64(0)), page)
        _mark_code(tag, MARK_CODE, page)
    elif role in (RAW, SKIPPED):
        return _after_content(tag, role, name, data, position, len(data), names, page)
    elif tag == _BR:
        _break_line(page)
    elif tag == _IMG:
        page.state[S_IMAGES] += 1
    elif tag == _HR:
        end_block(page)
    return position


@kernel
def _begin(page: Page) -> None:
    page.state[:] = 0
    page.counts[:] = 0
    page.unclosed[:] = 0
    page.inline_bits[:] = 0
    page.nodes[0] = 0
    page.nodes[0, N_PARENT] = -1
    page.node_bits[0] = 0
    page.signatures[0] = 0
    page.stack[0] = 0
    page.state[S_NODES] = 1
    page.state[S_STACK] = 1


@kernel
def scan_page(data: Array, names: Names, page: Page) -> int:
    """Fill `page` from a page's bytes; DONE, or the limit that was passed."""
    _begin(page)
    state = page.state
    position, end = 0, len(data)
    while position < end and state[S_STATUS] == DONE:
        position = _read_text(data, position, end, names, page)
        if position >= end:
            break
        closing = data[position + 1] == 47
        start = position + (2 if closing else 1)
        if start >= end or not 97 <= data[start] | 32 <= 122:
            position = _after_declaration(data, position, end)
            continue
        name, position, hyphen = read_name(data, start, end)
        tag = tag_number(name, hyphen, names.tag_keys, names.tag_numbers)
        role = names.roles[tag]
        state[S_TAGS] += 1
        if closing:
            position = after_tag(data, position, end)
            _end_tag(tag, role, page)
            continue
        position, bits = read_attributes(data, position, end, names.word_keys, names.word_bits, page.attributes)
        position = _start_tag(tag, role, name, bits, data, position, names, page)
    if state[S_STATUS] == DONE:
        end_block(page)
        close_containers(0, page)
    return state[S_STATUS]
