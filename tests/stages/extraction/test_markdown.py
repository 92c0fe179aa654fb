"""Markdown of pages: structure that readers of plain text lose."""

import pytest

from stages.extraction.extractor import BlockExtractor
from stages.extraction.markdown_kernel import most_bytes
from stages.extraction.page_reader import PageReader
from stages.extraction.page_table import S_NODES, S_TEXT

WHOLE = BlockExtractor(None, markdown=True, max_depth=1000, max_nodes=200_000)


@pytest.mark.parametrize(
    ("page", "markdown"),
    [
        ("<h1>Title</h1><p>text<h3>Sub <i>title</i></h3>", "# Title\n\ntext\n\n### Sub title"),
        ("<ul><li>a<li>b<ol><li>c<li>d</ol></ul>", "- a\n- b\n  1. c\n  2. d"),
        ("<ul><li><p>a</p><p>more</p></li><li>b</ul>", "- a\n\n  more\n- b"),
        ("<pre>  x = `y`\n\n  z</pre>", "```\n  x = `y`\n\n  z\n```"),
        ("<pre>```</pre>", "````\n```\n````"),
        ("call <code>f(x)</code> now", "call `f(x)` now"),
        ("<blockquote><p>a</p><p>b<br>c</p></blockquote>d", "> a\n> \n> b\n> c\n\nd"),
        ("<table><tr><th>k<th>v<tr><td>1<td>a|b<tr><td><td>z</table>", "| k | v |\n|---|---|\n| 1 | a\\|b |\n|  | z |"),
        ("<table><tr><td><p>one</p><p>two</p></td><td>side</table>", "one\n\ntwo\n\nside"),
        ("<table><tr><td>only</table>", "only"),
        (
            "<table><caption>C</caption><tr><th>A<th>B</tr><tr><td>1<td>2</tr></table>",
            "C\n\n| A | B |\n|---|---|\n| 1 | 2 |",
        ),
        (
            "<table><tr><th>A<th>B</tr><tr><td><p>1</p><p>2</p><td>x</tr><tr><td>3<td><ul><li>4<li>5</ul></table>",
            "| A | B |\n|---|---|\n| 1 2 | x |\n| 3 | 4 5 |",
        ),
        (
            "<blockquote><ul><li><table><tr><td>a<td>b<tr><td>c<td>d</table></ul></blockquote>",
            "> - | a | b |\n>   |---|---|\n>   | c | d |",
        ),
        ("<table><tr><td>a<td>b<caption>C</caption></table>", "a\n\nb\n\nC"),
        ("<table><tr><td><pre>1\n2</pre><td><pre>x\ny</pre></table>", "```\n1\n2\n```\n\n```\nx\ny\n```"),
        ("<table><tr><td><pre>1</pre><td>x</table>", "```\n1\n```\n\nx"),
    ],
)
def test_structure_is_kept(page, markdown):
    assert WHOLE.text_of(page.encode()) == (markdown, None)


@pytest.mark.parametrize(
    "unit",
    [
        "<pre>x</pre>",
        "<pre>````x</pre><p>y</p>",
        "<pre><div>x</div><div>y</div></pre>",
        "<table><tr><th><th>x</table>",
        "<table><tr><td><td><td><td><td><td><th>|</table>",
        "<table><tr><th>|<td>|<tr><td>|<td>|</table>",
        "<ol><li>x</ol>",
        "<li><h6>x</h6>",
        "<p>a<br>b<br>c",
        "<code>x</code><br>",
    ],
)
def test_no_page_needs_more_room_than_is_made_for_it(unit):
    page = ("<blockquote>" * 9 + "<ol><li>" * 9 + unit * 1000).encode()
    extractor = BlockExtractor(None, markdown=True, max_depth=1000, max_nodes=200_000)
    text = extractor.text_of(page)[0].encode()
    reader = PageReader(1000, 200_000)
    reader.scan(page)
    size = int(reader.page.state[S_TEXT])
    lines = reader.blocks + int((reader.page.text[:size] == ord("\n")).sum())
    assert len(text) <= most_bytes(size, lines, int(reader.page.state[S_NODES]))
