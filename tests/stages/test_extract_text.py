"""Pages to text, and the limits that keep any page from holding up the others."""

import hashlib
import json

import lxml.html
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pydantic import ValidationError
from resiliparse.extract.html2text import extract_plain_text
from warc_files import splits

from stages.charset import decode_page
from stages.documents import HTML_SCHEMA, TEXT_SCHEMA
from stages.extract_text import ExtractText
from stages.html_depth_kernel import NAME_KEYS, NAME_KINDS, nesting_depths
from stages.warc.source import WarcSource

ARTICLE = b"<html><body><nav><a href=/>Menu</a></nav><article><h1>Head</h1><p>%s</p></article></body></html>" % (
    b"A sentence of the article that is long enough. " * 20
)


def pages(*html, charset=None):
    fill = {"file": "f", "ordinal": 0, "source": "s", "content_type": "text/html", "charset": charset}
    table = [{**fill, "offset": at, "html": page} for at, page in enumerate(html)]
    return pa.RecordBatch.from_pylist(table, schema=HTML_SCHEMA)


def run(*html, charset=None, **options):
    batch = ExtractText(**options)(pages(*html, charset=charset))
    return list(zip(batch.column("text").to_pylist(), batch.column("error").to_pylist(), strict=True))


def depth(html: bytes, limit: int = 1000) -> int:
    offsets = np.frombuffer(np.array([0, len(html)]).tobytes(), np.int64)
    return int(nesting_depths(np.frombuffer(html, np.uint8), offsets, limit, NAME_KEYS, NAME_KINDS)[0])


def collapsed(text: str) -> str:
    return " ".join(text.split())


def test_columns_of_the_result():
    batch = ExtractText()(pages(ARTICLE))
    assert batch.schema == TEXT_SCHEMA.append(pa.field("error", pa.string()))
    assert ExtractText()(pages()).schema == batch.schema


@pytest.mark.parametrize("engine", ["blocks", "resiliparse", "trafilatura"])
def test_main_content(engine):
    ((text, error),) = run(ARTICLE, engine=engine)
    assert "long enough" in text
    assert "Menu" not in text
    assert error is None


@pytest.mark.parametrize("engine", ["blocks", "resiliparse"])
def test_the_whole_page_has_its_words_alone(engine):
    page = b"<nav>Menu</nav><p>Words</p><ul><li>item</ul><img alt='a tree'>"
    ((text, _),) = run(page, main_content=False, engine=engine)
    assert text.split() == ["Menu", "Words", "item"]


def test_markdown():
    ((text, _),) = run(b"<h2>Head</h2><ul><li>one<li>two</ul>", main_content=False, format="markdown")
    assert text == "## Head\n\n- one\n- two"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "trafilatura", "main_content": False}, "main_content: false needs engine: blocks"),
        ({"engine": "resiliparse", "format": "markdown"}, "format: markdown needs engine: blocks, not resiliparse"),
        ({"comments": True}, "comments: true needs engine: resiliparse or trafilatura"),
    ],
)
def test_options_that_an_engine_lacks_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        ExtractText(**options)


def test_pages_without_text_give_the_empty_text():
    assert run(b"", b"<html>", b"<script>x</script>") == [("", None)] * 3


def test_failing_pages_get_an_error_and_leave_the_others_alone():
    found = run(b"<div>" * 30_000 + b"deep", ARTICLE, None, b"<p>" + b"x" * 2000, max_bytes=1900)
    assert [error for _, error in found] == [
        "the page has 150004 bytes, more than max_bytes (1900)",
        None,
        "the page is null",
        "the page has 2003 bytes, more than max_bytes (1900)",
    ]


@pytest.mark.parametrize("engine", ["blocks", "resiliparse", "trafilatura"])
def test_deep_pages_are_refused_before_they_are_parsed(engine):
    for page, charset in ((b"<div>" * 30_000, None), (("<div>" * 2000).encode("utf-16"), "utf-16")):
        found = run(page, ARTICLE, charset=charset, engine=engine)
        assert found[0] == ("", "the page nests deeper than max_depth (1000)")
    assert run(b"<div>" * 30_000, ARTICLE, engine=engine)[1][1] is None


def test_pages_of_too_many_elements_are_refused():
    found = run(b"<p>x" * 600, ARTICLE, max_nodes=500)
    assert found[0] == ("", "the page has more than max_nodes (500) elements")
    assert found[1][1] is None


def test_batching_never_changes_a_row():
    batch = pages(ARTICLE, b"<p>two", b"<div>" * 5000, "<p>größer".encode("cp1252"))
    whole = ExtractText()(batch).to_pylist()
    assert [ExtractText()(batch.slice(row, 1)).to_pylist()[0] for row in range(4)] == whole


def test_frames_of_a_notebook():
    frame = pl.from_arrow(pa.Table.from_batches([pages(ARTICLE)]))
    assert "long enough" in ExtractText().apply(frame)["text"][0]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (b"<div><div>x</div><div></div></div>", 2),
        (b"<div>" * 300, 300),
        (b"<p>" * 5000 + b"<li>" * 5000 + b"<br><img><hr>" * 500, 0),
        (b"<table><tr><td>" * 50, 50),
        (b"<div><span></div>" * 3000, 2),
        (b"<b><div></b>" * 300, 301),
        (b"<p><font color=1>" * 300, 300),
        (b"<script>if (a < b) '<div><div>'</script><div>", 1),
        (b"<!-- <div><div><div> --><div title='a > <div><div>'>", 1),
        (b"<svg><g/><g/><path d='M0'/></svg>" * 500, 1),
        (b"<div/>" * 200, 200),
        (b"a < b <3 <- </ <", 0),
        (b"<div", 1),
    ],
)
def test_depth_follows_the_tree_a_browser_builds(html, expected):
    assert depth(html) == expected


def test_depth_stops_counting_beyond_the_limit():
    assert depth(b"<div>" * 100_000, limit=500) == 501


def test_depth_of_real_pages_is_near_that_of_a_parser(shared_data):
    path = shared_data / "warc" / "dev-policy.warc.gz"
    (batch,) = [b.documents for b in WarcSource().read(splits(WarcSource(), path)[0], path, 1 << 30)]
    uncounted = {"html", "body", "head", "p", "li", "td", "th", "tr", "tbody", "thead", "dt", "dd", "a", "br", "img"}

    def levels(element) -> int:
        own = isinstance(element.tag, str) and element.tag not in uncounted
        return own + max(map(levels, element), default=0)

    for html in batch.column("html").to_pylist():
        assert abs(depth(html) - levels(lxml.html.fromstring(html))) <= 2


@pytest.mark.parametrize("engine", ["blocks", "resiliparse"])
def test_the_odd_crawl_decodes_to_the_manifest(shared_data, engine):
    path = shared_data / "warc" / "dev-odd.warc.gz"
    lines = (path.parent / "dev-odd.manifest.jsonl").read_text(encoding="utf-8").splitlines()
    manifest = {entry["record_id"]: entry for entry in map(json.loads, lines)}
    expected = {key for key, entry in manifest.items() if entry["expect"] in ("same", "prefix")}
    delivered = set()
    for batch in WarcSource().read(splits(WarcSource(), path)[0], path, 8 << 20):
        texts = ExtractText(main_content=False, engine=engine)(batch.documents)
        assert texts.column("error").null_count == texts.num_rows
        for page, text in zip(batch.documents.to_pylist(), texts.column("text").to_pylist(), strict=True):
            entry = manifest[page["id"]]
            assert entry["expect"] != "no_document", entry["case"]
            if entry["expect"] not in ("same", "prefix"):
                continue
            delivered.add(page["id"])
            html = decode_page(page["html"], page["charset"]).text
            if entry["expect"] == "same":
                assert hashlib.sha256(html.encode()).hexdigest() == entry["expected_html_sha256"], entry["case"]
            if entry.get("probe"):
                assert collapsed(entry["probe"]) in collapsed(text), entry["case"]
            if engine == "resiliparse":
                assert text == extract_plain_text(html, alt_texts=False, list_bullets=False, comments=False)
    assert delivered == expected


def test_the_deeply_nested_page_is_quarantined(shared_data):
    path = shared_data / "malformed" / "nested_20k_divs.warc.gz"
    for batch in WarcSource().read(splits(WarcSource(), path)[0], path, 8 << 20):
        for engine in ("blocks", "resiliparse"):
            errors = ExtractText(engine=engine)(batch.documents).column("error").to_pylist()
            assert "max_depth" in errors[0]


@pytest.mark.parametrize("engine", ["blocks", "resiliparse"])
def test_a_short_page_of_which_no_block_is_kept_still_has_its_text(engine):
    ((text, _),) = run(b"<ul><li><a href=x>one</a><li><a href=y>two</a></ul><p>Hi there</p>", engine=engine)
    assert "Hi there" in text
