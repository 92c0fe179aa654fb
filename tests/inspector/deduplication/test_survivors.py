"""A removed document is shown with what stayed for it, whatever stage removed it and wherever the texts are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from inspector import render
from inspector.deduplication.differences import differences
from inspector.document import document_report
from inspector.dropped import dropped_documents
from inspector.errors import InspectorError
from pipeline import Recipe, run
from stages.minhash.shingle_sets import jaccard, shingle_sets
from tests.inspector.deduplication.conftest import deduplicated


@pytest.fixture(scope="module")
def texts(duplicates_corpus: Path) -> dict[str, str]:
    lines = [line for name in ("a", "b") for line in (duplicates_corpus / f"{name}.jsonl").read_text().splitlines()]
    return {row["id"]: row["text"] for row in map(json.loads, lines)}


def one(place: Path, name: str) -> dict[str, Any]:
    (document,) = document_report(place, name, 3)["documents"]
    assert document["id"] == name
    found: dict[str, Any] = document["removed_for"]
    return found


def similarity(texts: dict[str, str], *names: str) -> float:
    return float(jaccard(shingle_sets(pl.Series([texts[name] for name in names])), [0], [1])[0])


@pytest.mark.parametrize(
    ("removed", "stage", "survivor"),
    [
        ("d1", "minhash_dedup", "d0"),
        ("d15", "minhash_dedup", "d10"),
        ("d21", "exact_dedup", "d20"),
        ("d30", "url_dedup", "d31"),
    ],
)
def test_the_survivor_and_both_texts_are_shown(
    deduplicated_run: Path, texts: dict[str, str], removed: str, stage: str, survivor: str
) -> None:
    found = one(deduplicated_run, removed)
    assert (found["stage"], found["survivor"]["id"]) == (stage, survivor)
    assert found["survivor"]["text"] == texts[survivor] and found["survivor"]["fate"] == "kept"
    for side, name in (("first", removed), ("second", survivor)):
        words = " ".join(segment[side] for segment in found["differences"]).split()
        assert words == texts[name].split()
    assert all(s["first"] == s["second"] for s in found["differences"] if s["equal"])


def test_a_path_leads_from_pair_to_pair_to_the_survivor(deduplicated_run: Path, texts: dict[str, str]) -> None:
    found = one(deduplicated_run, "d3")
    folders = [pl.read_parquet(deduplicated_run / name / "*.parquet") for name in ("documents", "rejects")]
    ids = pl.concat([folder.select(pl.col("file").cast(pl.String), "offset", "ordinal", "id") for folder in folders])
    at = {tuple(row): name for *row, name in ids.rows()}
    path = ["d3", *(at[tuple(step["to"].values())] for step in found["path"])]
    assert path == ["d3", "d2", "d1", "d0"]
    for step, a, b in zip(found["path"], path, path[1:], strict=False):
        assert step["jaccard"] == pytest.approx(similarity(texts, a, b)) and step["jaccard"] >= 0.7
    assert found["jaccard"] == pytest.approx(similarity(texts, "d3", "d0"), abs=1e-6)
    assert found["jaccard"] < 0.7


def test_texts_that_no_folder_has_are_read_again(
    duplicates_corpus: Path, texts: dict[str, str], tmp_path: Path
) -> None:
    frugal = deduplicated(duplicates_corpus, tmp_path / "run", rejects="no_text")
    for document in dropped_documents(frugal, 100, 0)["documents"]:
        assert document["text"] == texts[document["id"]] and document["text_from"] == "crawl"
        assert document["removed_for"]["survivor"]["text_from"] == "documents"


def test_a_place_names_a_document_as_its_id_does(deduplicated_run: Path) -> None:
    found = one(deduplicated_run, "d2")["path"][-1]["to"]
    report = document_report(deduplicated_run, " ".join(map(str, found.values())), 3)
    assert [document["id"] for document in report["documents"]] == ["d0"]
    for absent in ("nobody", "a.jsonl 7 0", f"a.jsonl {10**30} 0"):
        with pytest.raises(InspectorError, match=f"no document or reject with the URL, id or place '{absent}'"):
            document_report(deduplicated_run, absent, 3)


def test_a_quarantined_row_is_shown_with_its_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "one", "id": "a"}\n{"text": broken}\n{"text": "one", "id": "b"}\n')
    recipe = Recipe.parse({"name": "small", "stages": ["jsonl", "exact_dedup"]})
    run(recipe, [tmp_path / "in.jsonl"], tmp_path / "run", executor="inline", quiet=True)
    rejects = pl.concat([pl.read_parquet(file) for file in sorted((tmp_path / "run/rejects").glob("*"))])
    place = rejects.filter(pl.col("outcome") == "quarantined").select("file", "offset", "ordinal").row(0)
    render.show("document", document_report(tmp_path / "run", " ".join(map(str, place)), 3))
    assert "jsonl: quarantined, because the line is not JSON" in capsys.readouterr().out


def test_the_terminal_marks_what_differs(deduplicated_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render.show("document", document_report(deduplicated_run, "https://two.example/11", 3))
    shown = " ".join(capsys.readouterr().out.split())
    assert "stays for it, of 6 documents: https://two.example/10" in shown
    assert "[-new10x0-]" in shown and "{+new0x0+}" in shown


def test_white_space_and_long_equal_lines_do_not_differ() -> None:
    first, second = "One line.\n\nAnother  line here. The end.", "One line. Another line there.\nThe end."
    segments = differences(first, second)
    assert [(s.first, s.second) for s in segments if not s.equal] == [("here.", "there.")]
    assert differences("", "") == []
