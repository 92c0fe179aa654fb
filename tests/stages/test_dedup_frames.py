"""Deduplication of a frame in a notebook comes to what a run comes to, and drops nothing itself."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from pipeline import Recipe, run
from stages.base import StageError

WORDS = [f"word{number}" for number in range(400)]


def documents() -> pl.DataFrame:
    """Ten texts with three copies each that differ more and more, and odd ones among them."""
    rows: list[dict[str, Any]] = []
    for base in range(10):
        words = WORDS[base * 20 : base * 20 + 150]
        for copy in range(4):
            changed = [f"new{base}x{copy}" if place % 60 < copy else word for place, word in enumerate(words)]
            rows.append({"text": " ".join(changed), "url": f"http://a.example/{base}?utm_source={copy}", "score": copy})
    rows += [{"text": text, "url": None, "score": None} for text in ("", "Short one.", "short ONE", "", None)]
    return pl.DataFrame(rows)


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("MinhashDedup", {"verify": "jaccard", "target_jaccard": 0.7, "threshold": 0.7, "keep": ["-length"]}),
        ("MinhashDedup", {"verify": "signature", "clusters": "star"}),
        ("MinhashDedup", {"within": "url"}),
        ("ExactDedup", {"keep": ["-length"]}),
        ("UrlDedup", {"keep": ["-length"]}),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_a_frame_is_judged_as_a_run_would(tmp_path: Path, name: str, stage: dict[str, Any]) -> None:
    import stages

    frame = documents()
    kind = getattr(stages, name)
    judged = kind(**stage).apply(frame)
    assert judged.drop("rule", f"{kind.name}_cluster", f"{kind.name}_cluster_size", f"{kind.name}_survivor").equals(
        frame
    )

    with (tmp_path / "in.jsonl").open("w") as stream:
        for row in frame.with_row_index("id").filter(pl.col("text").is_not_null()).iter_rows(named=True):
            stream.write(json.dumps({**row, "id": str(row["id"])}) + "\n")
    recipe = Recipe.parse({"name": "frame", "stages": ["jsonl", {kind.name: stage}]})
    run(recipe, [tmp_path / "in.jsonl"], tmp_path / "run", executor="inline", quiet=True)
    kept = pl.read_parquet(tmp_path / "run/documents/*.parquet")
    valid = judged.with_row_index("id").filter(pl.col("text").is_not_null() & pl.col("rule").is_null())
    assert kept["id"].to_list() == valid["id"].cast(pl.String).to_list()
    assert kept[f"{kind.name}_cluster_size"].to_list() == valid[f"{kind.name}_cluster_size"].to_list()


def test_the_survivor_is_a_row_of_the_frame_that_stays() -> None:
    from stages import MinhashDedup

    judged = MinhashDedup(keep=("-score",)).apply(documents())
    gone = judged.filter(pl.col("rule").is_not_null())
    stays = judged[gone["minhash_dedup_survivor"].to_list()]
    assert len(gone) > 10
    assert stays["rule"].is_null().all()
    assert stays["minhash_dedup_cluster"].equals(gone["minhash_dedup_cluster"])
    assert (stays["score"] >= gone["score"]).all()


def test_arrow_and_empty_frames_work_and_an_absent_column_is_named() -> None:
    from stages import ExactDedup, MinhashDedup

    table = documents().to_arrow()
    assert MinhashDedup().apply(table).num_rows == table.num_rows
    assert MinhashDedup(verify="jaccard").apply(table.slice(0, 0)).column_names[-1] == "minhash_dedup_survivor"
    assert ExactDedup().apply(pa.table({"text": ["a", "a"]}))["rule"].to_pylist() == [None, "exact_duplicate"]
    with pytest.raises(StageError, match="needs a column 'score'"):
        MinhashDedup(keep=("-score",)).apply(documents().drop("score"))
