"""Any dropped document can be looked at with its text, whether or not the run kept it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from inspector.dropped import dropped_documents
from inspector.errors import InspectorError
from pipeline import Recipe, run
from tests.inspector.test_inspect import rejects_of

KEY = ["file", "offset", "ordinal"]


def curated(crawl: Path, out: Path, rejects: str) -> Path:
    stages = ["warc", "extract_text", "language", "gopher", "c4_lines", "c4", "exact_dedup"]
    run(Recipe.parse({"name": "mine", "rejects": rejects, "stages": stages}), [crawl], out, "inline", quiet=True)
    return out


def test_texts_that_were_not_kept_are_read_again_from_the_crawl(crawl: Path, tmp_path: Path) -> None:
    rejects = rejects_of(curated(crawl, tmp_path / "full", "full")).filter(pl.col("text").is_not_null())
    assert {"language", "gopher", "c4", "exact_dedup"} == set(rejects["stage"])
    shown = dropped_documents(curated(crawl, tmp_path / "frugal", "no_text"), 1000, 1)["documents"]
    again = {tuple(document[name] for name in KEY): document for document in shown}
    for *key, text in rejects.select(pl.col("file").cast(pl.String), "offset", "ordinal", "text").rows():
        assert again[tuple(key)]["text"] == text
        assert again[tuple(key)]["text_from"] == "crawl"


def test_a_page_that_its_status_dropped_has_its_text_too(whole_run: Path) -> None:
    shown = dropped_documents(whole_run, 20, 1, "http_status")
    assert shown["recorded"] == len(shown["documents"]) == 10
    for document in shown["documents"]:
        assert document["values"] == {"http_status": 404}
        assert document["text_from"] == "crawl" and "404" in document["text"]


def test_a_record_that_is_no_page_says_so(whole_run: Path) -> None:
    for document in dropped_documents(whole_run, 3, 1, "media_type")["documents"]:
        assert document["text"] is None and "by 'media_type' is no page" in document["text_from"]


def test_the_choice_is_random_and_the_same_again(whole_run: Path) -> None:
    first, again, other = (dropped_documents(whole_run, 10, seed)["documents"] for seed in (7, 7, 8))
    assert first == again and len(first) == 10
    assert [document["offset"] for document in first] != [document["offset"] for document in other]
    rejects = rejects_of(whole_run)
    for document in first:
        row = rejects.row(by_predicate=pl.col("offset") == document["offset"], named=True)
        assert (document["rule"], document["expression"]) == (row["rule"], row["expression"])
        assert document["values"] == json.loads(row["values"])


def test_what_cannot_be_shown_is_one_line(whole_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="no document was dropped by 'no_such'"):
        dropped_documents(whole_run, 1, 0, "no_such")
    (tmp_path / "in.jsonl").write_text('{"text": "one"}\n')
    stages = ["jsonl", {"filter": {"name": "mine", "drop_if": "text <> ''"}}]
    recipe = Recipe.parse({"name": "small", "rejects": "off", "stages": stages})
    run(recipe, [tmp_path / "in.jsonl"], tmp_path / "run", executor="inline", quiet=True)
    with pytest.raises(InspectorError, match=r"keeps no rejects \(rejects: off\)"):
        dropped_documents(tmp_path / "run", 1, 0)
