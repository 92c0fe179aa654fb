"""docs/shards.md says what the format is: its code runs on a real set, and it names every key and column."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shards.index import ShardEntry, ShardIndex
from shards.reader import ShardSet
from shards.writer import write_shard

PAGE = (Path(__file__).parents[2] / "docs" / "shards.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

#: Ids are the bytes of the text, so that anybody can decode them.
END = 256
TEXTS = ["grain", "mühle", "stone and wheel", "water", "flour"]


def run_folder(folder: Path) -> None:
    """documents/ in two parts of several row groups, and shards of both splits in another order."""
    (folder / "documents").mkdir(parents=True)
    (folder / "shards").mkdir()
    for part, texts in enumerate((TEXTS[:2], TEXTS[2:])):
        pq.write_table(pa.table({"text": texts}), folder / "documents" / f"part-{part:05d}.parquet", row_group_size=2)
    entries = []
    for split, places in (("train", [(1, 2), (0, 1), (1, 0)]), ("val", [(0, 0), (1, 1)])):
        documents = [[*TEXTS[2 * part + row].encode(), END] for part, row in places]
        lengths = np.array([len(document) for document in documents])
        part, row = np.array(places).T
        path = folder / "shards" / f"{split}-web-00000-00000.arrow"
        tokens = np.concatenate(documents)
        options: dict[str, Any] = {"vocabulary_size": 257, "end_of_text": END, "split": split, "source": "web"}
        entries.append(write_shard(path, tokens, lengths, part, row, lengths - 1, **options))
    special_ids = {"<|endoftext|>": END}
    ShardIndex.build(entries, vocabulary_size=257, special_ids=special_ids, tokenizer_sha256="").save(folder / "shards")


def test_the_code_of_the_page_reads_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets", reason="the datasets library is not installed")
    run_folder(tmp_path / "RUN")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block, names)
    shard = ShardSet.open(tmp_path / "RUN" / "shards").of_split("train")[0]
    assert [stream.tolist() for stream in names["streams"]] == [shard.tokens.tolist()]
    assert not names["streams"][0].flags.owndata
    assert names["first"].tolist() == [*b"flour", names["end_of_text"]]
    assert names["rows"]["tokens"][1] == shard.document(1).tolist()
    assert names["document"]["text"] == "flour"


def test_all_tokens_are_read_in_under_twenty_lines() -> None:
    assert BLOCKS[0].count("\n") < 20


def test_the_page_names_every_key_and_column() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    keys = {field.name for kind in (ShardIndex, ShardEntry) for field in fields(kind)}
    assert described == keys | {"tokens", "part", "row", "bytes"}
