"""What `inspect` says of a run adds up with the crawl and with the folders that the run published."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from fastwarc.warc import ArchiveIterator

from inspector.artifacts import recognise
from inspector.errors import InspectorError
from inspector.run_report import run_report
from pipeline import Recipe, run


def rejects_of(run: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file) for file in sorted((run / "rejects").glob("*"))], how="diagonal_relaxed")


def test_the_account_adds_up_with_a_plain_count_of_the_crawl(crawl: Path, whole_run: Path) -> None:
    with crawl.open("rb") as stream:
        types = Counter(record.headers["WARC-Type"] for record in ArchiveIterator(stream, parse_http=False))
    responses = types.pop("response")
    report = json.loads(json.dumps(run_report(whole_run)))
    totals = report["totals"]
    assert totals["read"] == responses
    others = {name: count for name, count in report["counters"].items() if name.endswith("_records")}
    assert others == {f"warc.{kind}_records": count for kind, count in types.items()}
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


@pytest.mark.parametrize(
    ("name", "rule", "contains", "message"),
    [
        ("", "gopher_short_doc", None, r"--rule chooses among rows; name .*/rejects$"),
        ("", None, "python", r"--contains chooses among rows; name .*/documents or .*/rejects$"),
        ("documents", "gopher_short_doc", None, r"--rule chooses among rows of rejects; this is documents"),
        ("duplicates", None, "python", r"--contains chooses among rows of documents and rejects; this is duplicates"),
        ("shards", None, "python", r"--contains .* this is shards"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    whole_run: Path, name: str, rule: str | None, contains: str | None, message: str
) -> None:
    with pytest.raises(InspectorError, match=message):
        recognise(whole_run / name).describe(rule, contains, 1)


def small_run(folder: Path, drop_if: str, rejects: str = "full") -> Path:
    (folder / "in.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    stages = ["jsonl", {"filter": {"name": "mine", "drop_if": drop_if}}]
    recipe = Recipe.parse({"name": "small", "rejects": rejects, "stages": stages})
    run(recipe, [folder / "in.jsonl"], folder / "run", executor="inline", quiet=True)
    return folder / "run"


def test_a_run_that_rejected_nothing_has_no_rejects_to_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = small_run(tmp_path, "text = 'three'")
    monkeypatch.chdir(published)
    for path in (published / "rejects", Path("rejects")):
        kind, described = recognise(path).describe(None, None, 3)
        assert (kind, described["rows"], described["rules"], described["examples"]) == ("rejects", 0, {}, [])
    with pytest.raises(InspectorError, match="no row was dropped by 'mine'; rules here: none"):
        recognise(published / "rejects").describe("mine", None, 3)


def test_a_run_that_kept_nothing_has_no_documents_to_show(tmp_path: Path) -> None:
    kind, described = recognise(small_run(tmp_path, "text <> ''") / "documents").describe(None, "one", 3)
    assert (kind, described["rows"], described["examples"]) == ("documents", 0, [])


def test_rejects_that_the_recipe_does_not_keep_are_not_called_none(tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match=r"the recipe keeps none \(rejects: off\)"):
        recognise(small_run(tmp_path, "text <> ''", "off") / "rejects").describe(None, None, 3)


def test_a_foreign_parquet_file_without_id_and_url_is_shown_but_not_searched(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["one"]}).write_parquet(tmp_path / "foreign.parquet")
    assert recognise(tmp_path / "foreign.parquet").describe(None, None, 3)[1]["rows"] == 1
    with pytest.raises(InspectorError, match="--contains looks at the columns id and url"):
        recognise(tmp_path / "foreign.parquet").describe(None, "one", 3)


def test_rejects_say_why_rows_were_quarantined(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "fine"}\n{"text": 1}\n{"text": 2}\n{"other": "x"}\n')
    run(Recipe.parse({"name": "r", "stages": ["jsonl"]}), [tmp_path / "in.jsonl"], tmp_path / "run", quiet=True)
    _, described = recognise(tmp_path / "run" / "rejects").describe(None, None, 1)
    assert described["errors"] == {
        "the field 'text' is a number, not a string": 2,
        "the field 'text' is missing": 1,
    }
