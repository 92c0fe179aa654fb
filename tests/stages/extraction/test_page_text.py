"""Text of whole pages: what a browser would show, whatever the markup, in bounded time and space."""

import html
import re

import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base import Split
from stages.charset import decode_page
from stages.extraction.extractor import BlockExtractor
from stages.warc.source import WarcSource

WHOLE = BlockExtractor(None, markdown=False, max_depth=1000, max_nodes=200_000)
UNSEEN = "//script|//style|//noscript|//template|//svg|//select|//textarea|//iframe|//object|//title|//comment()"

REFERENCES = (
    "&amp; &lt &eacute; &eacute &notit; &nosuch; &#65; &#x41; &#128; &#xD800; &#1114112; &# &#x; & &AMP &amp;lt; "
    "&CounterClockwiseContourIntegral;"
)
MARKUP = (
    "< > </ <p <div/class='a/b ' \" = & &# &lt ; x é <!-- --> <table> <td> </td> <tr> <li> </ul> <a/href=x> </a> <br> "
    "<pre> </pre> <script> </script> <svg> </svg> <math> <code> </code> <h2> </h3> <span/hidden>"
)


def text_of(page: str) -> str:
    text, error = WHOLE.text_of(page.encode())
    assert error is None
    return text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>One  two\n three<p>four", "One two three\n\nfour"),
        ("a<br>b<br><br>c", "a\nb\nc"),
        ("<ul><li>a<li>b<ol><li>c</ol></ul>", "a\nb\nc"),
        ("<table><tr><td>1<td>2<tr><td>3<td><p>4</table>", "1\t2\n3\t4"),
        ("<p>x<b>y</b> <i>z</i> <code> f </code>.", "xy z f ."),
        ("<pre>\n  a\n   b\n</pre>c", "  a\n   b\n\nc"),
        ("a<script>if (x < '<p>') b</script>c<style>p{}</style>d<!-- <p>e -->f", "acdf"),
        ("<svg><text>no</text></svg><noscript>no</noscript><select><option>no</select>yes", "yes"),
        ("1 < 2 <3 <- 4 < <5>", "1 < 2 <3 <- 4 < <5>"),
        ("<p title='a > <b>'>x</p><p title=>y", "x\n\ny"),
        ("<div>x</span></p></div>y", "x\ny"),
        ("<i aria-hidden=true>no</i><span hidden>yes</span>", "yes"),
        ("<math><mi>x</mi><annotation encoding='application/x-tex'>x^2 &lt; 3</annotation></math>", "$x^2 < 3$"),
        ("so <script type='math/tex'>a_1</script>", "so $a_1$"),
        ("<h2>Top<a class=headerlink href=#top>¶</a></h2>x <a href=#y>&para;</a>y", "Top\n\nx y"),
        ("<h2><a href=#top>#</a>Top</h2><p>§ 1, <a href=c>C#</a> <a href=#n># 1</a> ¶", "Top\n\n§ 1, C# # 1 ¶"),
        ("<td>cell</td><li>item", "cell\nitem"),
        ("a&nbsp;&nbsp; b\u00a0c\0d", "a b c d"),
        ("日本語。<p>ไทย &#x1F600;", "日本語。\n\nไทย 😀"),
    ],
)
def test_text_as_a_browser_shows_it(page, text):
    assert text_of(page) == text


@pytest.mark.parametrize("reference", REFERENCES.split())
def test_character_references_are_those_of_the_standard(reference):
    # Python's table and rules are the standard's; it shows U+FFFD and controls alike.
    assert text_of(f"<p>a{reference}b") == html.unescape(f"a{reference}b")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*MARKUP.split(), " ", "\n"]), max_size=60).map("".join))
def test_any_markup_gives_text_and_leaves_nothing_behind(page):
    for markdown in (False, True):
        extractor = BlockExtractor(None, markdown=markdown, max_depth=1000, max_nodes=200_000)
        text, error = extractor.text_of(page.encode())
        assert error is None
        assert not set(text) & {chr(code) for code in range(9)}
        extractor.text_of(b"<p>other</p>" * 50)
        assert extractor.text_of(page.encode()) == (text, None)


@pytest.mark.parametrize(
    ("tag", "times", "refused"),
    [
        ("<div>", 200_000, "max_depth"),
        ("<li>", 400_000, "max_nodes"),
        ("x<br>", 400_000, None),
        ("&amp;", 400_000, None),
        ("&#x1F600;", 200_000, None),
        ("<svg>", 200_000, None),
        ("<!--", 300_000, None),
        ("<math>", 200_000, None),
        ("<b>", 400_000, None),
        ("<a href='", 200_000, None),
    ],
)
def test_bombs_are_read_in_one_pass_or_refused(tag, times, refused):
    # What needed time that grows with the square of the page would hold this test up for minutes.
    text, error = WHOLE.text_of(tag.encode() * times)
    assert (error is None) if refused is None else (refused in error)
    assert len(text) <= len(tag) * times
    assert text_of("<p>next") == "next"


def test_words_of_real_pages_are_those_of_a_parser(shared_data):
    path = shared_data / "warc" / "dev-policy.warc.gz"
    whole = Split(path.name, 0, path.stat().st_size, 0)
    (batch,) = [b.documents for b in WarcSource().read(whole, path, 1 << 30)]
    for row in batch.slice(0, 25).to_pylist():
        page = decode_page(row["html"], row["charset"]).text
        tree = lxml.html.document_fromstring(row["html"])
        for element in tree.xpath(f"({UNSEEN})[parent::*]"):
            element.drop_tree()
        expected = re.findall(r"\w+", " ".join(tree.itertext()))
        found = re.findall(r"\w+", text_of(page))
        assert "".join(found) == "".join(expected)
