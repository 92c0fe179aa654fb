"""What `inspect` says of a run adds up with the crawl and with the folders that the run published."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from inspector.artifacts import recognise
from inspector.errors import InspectorError
from inspector.run_report import run_report


def rejects_of(run: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file) for file in sorted((run / "rejects").glob("*"))], how="diagonal_relaxed")


def test_the_account_adds_up_with_a_plain_count_of_the_crawl(crawl: Path, whole_run: Path) -> None:
    with crawl.open("rb") as stream:
        responses = sum(1 for _ in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=False))
    report = json.loads(json.dumps(run_report(whole_run)))
    totals = report["totals"]
    assert totals["read"] == responses
    assert totals["read"] == totals["kept"] + totals["dropped"] + totals["quarantined"]
    assert report["balanced"] and report["complete"]
    assert totals["kept"] == len(pl.read_parquet(whole_run / "documents" / "*.parquet"))
    rejects = rejects_of(whole_run)
    assert report["rules"] == Counter(rejects["rule"].drop_nulls().to_list())


def test_the_funnel_hands_rows_from_stage_to_stage(whole_run: Path) -> None:
    funnel = [step for step in run_report(whole_run)["funnel"] if "rows_in" in step]
    assert [step["stage"] for step in funnel][:4] == ["warc", "extract_text", "language", "gopher"]
    for before, after in pairwise(funnel):
        assert before["rows_out"] == after["rows_in"]


def test_every_published_folder_is_recognised(whole_run: Path) -> None:
    kinds = {name: recognise(whole_run / name).kind for name in ("documents", "rejects", "shards")}
    assert kinds == {name: name for name in kinds}
    assert recognise(whole_run).kind == "run"


def test_rejects_are_shown_by_rule_with_their_values(whole_run: Path) -> None:
    _, described = recognise(whole_run / "rejects").describe("http_status", None, 50)
    assert len(described["examples"]) == described["rules"]["http_status"] == 10
    assert all(json.loads(example["values"])["http_status"] == 404 for example in described["examples"])


def test_wrong_questions_are_answered_in_one_line(whole_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="no row was dropped by 'no_such_rule'; rules here: "):
        recognise(whole_run / "rejects").describe("no_such_rule", None, 1)
    with pytest.raises(InspectorError, match="not a run, documents/"):
        recognise(tmp_path)
    with pytest.raises(InspectorError, match="no such file"):
        recognise(tmp_path / "absent")
