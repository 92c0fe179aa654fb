"""The stage `page_signals`: what pages and headers say of their use, held against a parser of HTML."""

import io
import json

import lxml.html
import polars as pl
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from warc_files import PAGE, http, members, record, rows, write

from pipeline import Recipe, run
from stages.base import StageError
from stages.signals.stage import PageSignals
from stages.warc.source import WarcSource


def signals(page: bytes | str, headers: str | None = None, charset: str | None = None, **options) -> dict:
    """What the stage says of one page, columns that say nothing left out."""
    table = {
        "html": pa.array([page.encode() if isinstance(page, str) else page], pa.large_binary()),
        "http_signals": pa.array([headers], pa.string()),
        "charset": pa.array([charset], pa.string()),
    }
    found = PageSignals(**options)(pa.RecordBatch.from_pydict(table)).to_pylist()[0]
    return {name: value for name, value in found.items() if name in PageSignals.measurements and value}


@pytest.mark.parametrize(
    ("page", "headers", "expected"),
    [
        ("<p>nothing", None, {}),
        (
            '<META CONTENT="NOINDEX,nofollow" NAME = Robots >',
            None,
            {"robots": "noindex, nofollow", "robots_noindex": 1, "robots_nofollow": 1},
        ),
        ("<meta name='robots' content='none'>", None, {"robots": "none", "robots_noindex": 1, "robots_nofollow": 1}),
        (
            "<meta name=robots content='noai noimageai'/>",
            None,
            {"robots": "noai, noimageai", "robots_noai": 1, "robots_noimageai": 1},
        ),
        ("<meta name=googlebot content=noindex>", None, {"robots": "googlebot: noindex"}),
        (
            "<meta name=robots content='max-snippet: -1, noarchive'>",
            None,
            {"robots": "max-snippet: -1, noarchive", "robots_noarchive": 1},
        ),
        (
            "<p>",
            "x-robots-tag: noindex, GoogleBot: nofollow, nosnippet",
            {"robots": "noindex, googlebot: nofollow, googlebot: nosnippet", "robots_noindex": 1},
        ),
        (
            "<p>",
            "x-robots-tag: otherbot: noai\nx-robots-tag: noarchive",
            {"robots": "otherbot: noai, noarchive", "robots_noarchive": 1},
        ),
        (
            "<p>",
            "x-robots-tag: unavailable_after: 25 Jun 2030 15:00:00 PST",
            {"robots": "unavailable_after: 25 jun 2030 15:00:00 pst"},
        ),
        (
            "<meta name=tdm-reservation content=1>",
            "tdm-policy: https://e.org/p.json",
            {"tdm_reservation": 1, "tdm_policy": "https://e.org/p.json"},
        ),
        ("<p>", "tdm-reservation: 0", {}),
        (
            '<a rel="license noopener" href="https://creativecommons.org/licenses/by-sa/4.0/deed.de">CC</a>',
            None,
            {
                "license": "cc-by-sa-4.0",
                "license_url": "https://creativecommons.org/licenses/by-sa/4.0/deed.de",
                "license_mentions": "cc-by-sa-4.0",
            },
        ),
        ("<p>", 'link: </x>; rel=preload, <https://e.org/l>; rel="license"', {"license_url": "https://e.org/l"}),
        (
            "<link rel=license href=http://creativecommons.org/publicdomain/zero/1.0/>",
            None,
            {
                "license": "cc0-1.0",
                "license_url": "http://creativecommons.org/publicdomain/zero/1.0/",
                "license_mentions": "cc0-1.0",
            },
        ),
        (
            "http://creativecommons.org/licenses/by/2.0/, https://creativecommons.org/licenses/by-nc-nd/3.0/us/",
            None,
            {"license_mentions": "cc-by-2.0 cc-by-nc-nd-3.0"},
        ),
        ("<meta name=DC.rights content='&copy; 2020  Somebody'>", None, {"rights": "© 2020 Somebody"}),
        ("<meta name=dcterms.license content='https://e.org/licence'>", None, {"license_url": "https://e.org/licence"}),
        ("<!-- <meta name=robots content=noai> --><script>'<meta name=robots content=noai>'</script>", None, {}),
        ("<metadata name=robots content=noindex>", None, {}),
        ("<p>a licence, rel=license in words, <b rel=license href=x>", None, {}),
    ],
)
def test_what_pages_and_headers_say(page, headers, expected):
    assert signals(page, headers) == expected


def test_directives_of_named_crawlers_count_where_a_recipe_names_them():
    page, headers = "<meta name=MyBot content=noai>", "x-robots-tag: gptbot: noindex"
    assert signals(page, headers) == {"robots": "gptbot: noindex"}
    found = signals(page, headers, agents=("GPTBot", "mybot"))
    assert found == {"robots": "gptbot: noindex, mybot: noai", "robots_noindex": 1, "robots_noai": 1}


def test_what_is_not_said_of_text_mining_is_null():
    table = pa.table({"html": pa.array([b"<p>", b"<meta name=tdm-reservation content=0>"], pa.large_binary())})
    assert PageSignals().apply(table)["tdm_reservation"].to_pylist() == [None, 0]


def test_pages_in_other_encodings():
    page = "<meta name=robots content=noai><meta name=copyright content='© Größe'>"
    expected = {"robots": "noai", "robots_noai": 1, "rights": "© Größe"}
    assert signals(page.encode("utf-16")) == expected
    assert signals(page.encode("latin-1"), charset="iso-8859-1") == expected


@pytest.mark.parametrize(
    "piece", [b"<meta ", b"<meta name=robots content='", b'<a rel="license', b"<!--", b"<script", b"rel="]
)
def test_pages_made_of_tags_end_soon(piece):
    signals(piece * (4_000_000 // len(piece)))


PIECES = ["<meta", " name=", "robots", '"', "'", " content=", "noai", ">", "<a rel=license href=", "<!--", "\0", "é"]


@given(st.lists(st.sampled_from(PIECES)))
def test_no_bytes_raise(pieces):
    signals("".join(pieces), "x-robots-tag: " + "".join(pieces) + "\nlink: " + "".join(pieces))


def test_tags_are_those_that_a_parser_finds(shared_data):
    data = (shared_data / "extraction" / "article_extraction_benchmark.jsonl.zst").open("rb")
    lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(data), "utf-8")
    pages = [json.loads(line)["html"] for line in lines]
    for name in ("dev-python.warc.gz", "dev-handbook.warc.gz"):
        found = rows(WarcSource(), shared_data / "warc" / name)[:200]
        pages += [row["html"].decode("utf-8", "replace") for row in found if "html" in row]
    batch = pa.RecordBatch.from_pydict({"html": pa.array([page.encode() for page in pages], pa.large_binary())})
    said = 0
    for page, row in zip(pages, PageSignals()(batch).to_pylist(), strict=True):
        document = lxml.html.document_fromstring(page.encode(), lxml.html.HTMLParser(encoding="utf-8"))
        metas = [meta for meta in document.iter("meta") if (meta.get("name") or "").strip().lower() == "robots"]
        words = " ".join((meta.get("content") or "").lower().replace(",", " ") for meta in metas).split()
        links = [tag.get("href") for tag in document.iter("a", "link", "area") if "license" in (tag.get("rel") or "")]
        plain = [word for word in (row["robots"] or "").split(", ") if word and (": " not in word)]
        assert plain == list(dict.fromkeys(words))
        assert row["license_url"] == (links[0].strip() if links else None)
        said += bool(words) + bool(links)
    assert said > 50


def test_headers_come_from_the_record(tmp_path):
    headers = [
        ("Content-Type", "text/html"),
        ("X-Robots-Tag", "otherbot: noindex"),
        ("x-robots-tag", "noai"),
        ("Link", "</a.css>; rel=preload"),
        ("Link", "<https://e.org/l>;\r\n rel=license"),
    ]
    found = rows(WarcSource(), write(tmp_path, members(record(1, http(PAGE, headers=headers)), record(2, http()))))
    assert found[0]["http_signals"].splitlines() == [
        "x-robots-tag: otherbot: noindex",
        "x-robots-tag: noai",
        "link: <https://e.org/l>; rel=license",
    ]
    assert found[1]["http_signals"] is None


def test_recipes_drop_pages_by_what_they_say(tmp_path):
    noai = http(PAGE, headers=[("Content-Type", "text/html"), ("X-Robots-Tag", "noai")])
    noindex = http(b"<meta name=robots content=noindex>" + PAGE)
    write(tmp_path, members(record(1, noai), record(2, noindex), record(3, http())))
    by_filter = {"filter": {"name": "no", "drop_if": "robots_noai = 1 OR robots_noindex = 1"}}
    for stages in ([{"page_signals": {"drop": ["noai", "noindex"]}}], ["page_signals", by_filter]):
        recipe = {"name": "signals", "stages": ["warc", *stages, "extract_text"]}
        out = tmp_path / f"run{len(stages)}"
        totals = run(Recipe.parse(recipe), [tmp_path / "test.warc.gz"], out, executor="inline", quiet=True).totals
        assert (totals.kept, totals.dropped) == (1, 2)
        kept = pl.read_parquet(out / "documents" / "*.parquet")
        assert "http_signals" not in kept.columns and kept["robots_noai"].to_list() == [0]
        assert "http_signals" not in pl.read_parquet(out / "rejects" / "*.parquet").columns


def test_it_stands_before_extract_text(tmp_path):
    with pytest.raises(StageError, match="put it between a source of pages"):
        PageSignals()(pa.RecordBatch.from_pydict({"text": ["x"]}))
