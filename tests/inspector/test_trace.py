"""A trace leads from any token to its page, and the recorded stages give its text again."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from fastwarc.warc import ArchiveIterator

from inspector.errors import InspectorError
from inspector.trace import trace_position
from pipeline.workspace import Workspace
from shards.reader import ShardSet
from stages.base import Filter


def test_every_document_of_every_shard_traces_to_a_page_that_gives_its_text(crawl: Path, whole_run: Path) -> None:
    documents = pl.read_parquet(whole_run / "documents" / "*.parquet")
    traced = 0
    for shard in ShardSet.open(whole_run / "shards").shards:
        for start in shard.offsets[:-1]:
            found = trace_position(whole_run, shard.entry.file, int(start), replay=True)
            assert found["replayed_text_equal"] and found["tokens_decode_to_text"]
            kept = documents.filter((pl.col("file") == found["file"]) & (pl.col("offset") == found["offset"]))
            assert kept["text"].to_list() == [found["text"]]
            with crawl.open("rb") as stream:
                stream.seek(found["offset"])
                record = next(iter(ArchiveIterator(stream, parse_http=False)))
                assert record.headers["WARC-Target-URI"].strip("<>") == found["url"]
            traced += 1
    assert traced == len(documents) > 0


def test_a_trace_names_the_value_of_every_rule_that_was_passed(whole_run: Path) -> None:
    rules = [
        rule.name
        for stage in Workspace(whole_run).load_plan().recipe.stages.values()
        if isinstance(stage, Filter)
        for rule in stage.rules()
    ]
    found = trace_position(whole_run, None, 0, replay=False)
    assert [rule["rule"] for rule in found["rules"]] == rules
    assert all(value is not None for rule in found["rules"] for value in rule["values"].values())


def test_a_position_outside_the_shard_is_one_line(whole_run: Path) -> None:
    with pytest.raises(InspectorError, match="outside"):
        trace_position(whole_run, None, 10**9, replay=False)
    with pytest.raises(InspectorError, match="no shard named 'x'"):
        trace_position(whole_run, "x", 0, replay=False)
