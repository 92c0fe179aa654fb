"""The corpus of near duplicates with known similarities."""

from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pytest

from benchmarks.texts import read_lines


class NearDuplicates(NamedTuple):
    """Texts, and pairs with their exact similarities: rows `a` and `b` of the texts, `jaccard_word5` and more."""

    texts: pa.Array
    pairs: pl.DataFrame


@pytest.fixture(scope="session")
def neardup(shared_data: Path) -> NearDuplicates:
    lines = b"\n".join(read_lines(shared_data / "neardup/dev_docs.jsonl.zst"))
    documents = pl.read_ndjson(lines, schema={"id": pl.String, "text": pl.String}).with_row_index("row")
    rows = documents.select("id", "row")
    pairs = pl.read_parquet(shared_data / "neardup/dev_pairs.parquet")
    for side in "ab":
        pairs = pairs.join(rows.rename({"id": f"id_{side}", "row": side}), on=f"id_{side}", maintain_order="left")
    return NearDuplicates(documents["text"].to_arrow(compat_level=pl.CompatLevel.oldest()), pairs)
