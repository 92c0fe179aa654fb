"""A tree of HTML files as web pages."""

import gzip
from urllib.parse import unquote, urlsplit

import pyarrow.parquet as pq
import pytest

from pipeline import Recipe, run
from stages.base import InputFile
from stages.sources.html_files import HtmlSource
from tests.stages.warc_files import rows, write

PAGE = "<html><head><meta charset=%s></head><body><p>Ein schöner Satz über Bären, der lang genug ist.</p></body></html>"


def test_a_run_gives_the_text_and_address_of_every_page(tmp_path):
    site = tmp_path / "example.org" / "a b"
    site.mkdir(parents=True)
    (site / "index.html").write_bytes((PAGE % "iso-8859-1").encode("latin-1"))
    (site / "two.HTM").write_bytes((PAGE % "utf-8").encode())
    (site / "list.html?page=2.html").write_bytes((PAGE % "utf-16").encode("utf-16"))
    (site / "packed.xhtml.gz").write_bytes(gzip.compress((PAGE % "utf-8").encode()))
    (site / "picture.html").write_bytes(b"\x89PNG\r\n\x1a\n")
    (site / "empty.html").touch()
    (site / "style.css").write_text("none of it")
    recipe = Recipe.parse({"name": "pages", "stages": [{"html": {"base_url": "https://"}}, "extract_text"]})
    totals = run(recipe, [tmp_path], tmp_path.parent / "run", executor="inline", quiet=True).totals
    assert (totals.read, totals.kept, totals.quarantined) == (6, 4, 1)
    assert totals.rules == {"media_type": 1}
    documents = pq.read_table(tmp_path.parent / "run" / "documents").to_pylist()
    assert {row["text"] for row in documents} == {"Ein schöner Satz über Bären, der lang genug ist."}
    names = ["index.html", "list.html%3Fpage=2.html", "packed.xhtml.gz", "two.HTM"]
    assert [row["url"] for row in documents] == [f"https://example.org/a%20b/{name}" for name in names]


@pytest.mark.parametrize(
    ("base", "url"),
    [(None, None), ("https://e.org", "https://e.org/a.html"), ("https://e.org/b/", "https://e.org/b/a.html")],
)
def test_the_address_is_the_base_and_the_path(tmp_path, base, url):
    path = write(tmp_path, b"<p>A page.", "a.html")
    source = HtmlSource(base_url=base)
    (row,) = rows(source, path)
    assert (row["url"], row["html"], row["content_type"], row["charset"]) == (url, b"<p>A page.", "text/html", None)
    file = InputFile("a.html", path, 10)
    assert source.read_one(file, 0, 0).documents.to_pylist() == [row]
    assert source.read_one(file, 1, 0).documents.num_rows == 0


def test_files_whose_names_have_marks_of_addresses_have_addresses_of_their_own(tmp_path):
    names = ["Issue #1.html", "Issue #2.html", "why?utm_source=a.html", "why?utm_source=b.html", "50%.html"]
    for name in names:
        (tmp_path / name).write_text("<p>A page.")
    recipe = Recipe.parse({"name": "pages", "stages": [{"html": {"base_url": "https://e.org"}}, "url_dedup"]})
    assert run(recipe, [tmp_path], tmp_path.parent / "run", executor="inline", quiet=True).totals.kept == len(names)
    documents = pq.read_table(tmp_path.parent / "run" / "documents", columns=["url"]).to_pylist()
    paths = [unquote(urlsplit(row["url"]).path) for row in documents]
    assert sorted(paths) == sorted(f"/{name}" for name in names)


def test_pages_that_are_too_large_or_damaged_are_quarantined(tmp_path):
    (large,) = rows(HtmlSource(max_record_bytes=5), write(tmp_path, b"<p>A page.", "a.html"))
    assert large["error"] == "the file has more than max_record_bytes (5)"
    (bomb,) = rows(HtmlSource(), write(tmp_path, gzip.compress(bytes(30_000_000)), "a.html.gz"))
    assert bomb["error"] == "the file has more than max_record_bytes (20000000)"
    (cut,) = rows(HtmlSource(), write(tmp_path, gzip.compress(b"<p>A page.")[:-4], "a.html.gz"))
    assert cut["error"] == "the gzip file is cut off"
