"""Shards hold every document once, shuffled alike for any tasks, with near-copies on one side."""

import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tokenizer
from pipeline import Recipe, run
from shards.index import ShardIndex
from shards.verify import verify
from stages.base import StageError, Upstream
from stages.identity import identity_hash
from stages.write_shards import WriteShards, cut_shards, tokenize_batch
from tokenizer.bpe_train import train_merges
from tokenizer.file import write_tokenizer
from tokenizer.pretokenize import split_pattern


@pytest.fixture(scope="module")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> tokenizer.Tokenizer:
    return tokenizer.load(_tokenizer_file(tmp_path_factory.mktemp("bpe"), 300))


def _tokenizer_file(folder: Path, size: int) -> Path:
    words = pa.table({"word": pa.array([b" the", b" word", b"text"], pa.large_binary()), "count": [9, 5, 3]})
    write_tokenizer(folder / "tokenizer.json", train_merges(words, size), split_pattern("gpt4"))
    return folder / "tokenizer.json"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of lines; some hold the spelling of end-of-text, one is very long."""
    folder = tmp_path_factory.mktemp("corpus")
    chance = random.Random(3)
    for part in range(3):
        lines = [" ".join(f"word{chance.randrange(500)}" for _ in range(chance.randrange(3, 40))) for _ in range(150)]
        lines[5] = f"{part} is no <|endoftext|> here <|endoftext|>"
        lines[9] = f"{part} " + "long " * 2000
        (folder / f"part-{part}.txt").write_text("\n".join(lines) + "\n")
    return folder


def shards_of(corpus: Path, out: Path, task_bytes: int = 20_000, seed: int = 0, **parameters: object) -> ShardIndex:
    settings = {"buckets": 4, "shard_tokens": 8000, "validation_fraction": 0.1, **parameters}
    stages: list[object] = ["tests.pipeline.line_stages:Lines", {"write_shards": settings}]
    if "tokenizer" not in settings:
        stages.insert(1, {"train_tokenizer": {"vocab_size": 400}})
    recipe = {"name": "shards", "seed": seed, "task_bytes": task_bytes, "stages": stages}
    run(Recipe.parse(recipe), [corpus], out, executor="inline")
    return ShardIndex.load(out / "shards")


def rows_of(run_folder: Path, index: ShardIndex) -> list[dict]:
    """Every document of the shards, in order, with the split of its shard."""
    rows = []
    for entry in index.shards:
        with pa.ipc.open_stream(run_folder / "shards" / entry.file) as stream:
            rows += [{**row, "split": entry.split} for row in stream.read_all().to_pylist()]
    return rows


def documents_of(run_folder: Path) -> dict[tuple[int, int], dict]:
    parts = sorted((run_folder / "documents").iterdir())
    return {
        (part, row): record
        for part, path in enumerate(parts)
        for row, record in enumerate(pq.read_table(path).to_pylist())
    }


def test_every_document_is_there_once_and_decodes_to_its_text(corpus: Path, tmp_path: Path) -> None:
    index = shards_of(corpus, tmp_path)
    assert verify(tmp_path / "shards").problems == []
    bpe = tokenizer.load(tmp_path / "tokenizer" / "tokenizer.json")
    assert (index.tokenizer_sha256, index.vocabulary_size) == (bpe.sha256, 400)
    documents, rows = documents_of(tmp_path), rows_of(tmp_path, index)
    assert sorted((row["part"], row["row"]) for row in rows) == sorted(documents)
    for row in rows:
        text = documents[row["part"], row["row"]]["text"]
        assert row["tokens"][-1] == bpe.end_of_text
        assert bpe.end_of_text not in row["tokens"][:-1]
        assert bpe.decode_bytes(row["tokens"][:-1]) == text.encode()
        assert row["bytes"] == len(text.encode())


def test_tokens_are_the_same_for_any_task_size(corpus: Path, tmp_path: Path) -> None:
    small, large = (shards_of(corpus, tmp_path / str(size), size) for size in (4096, 1_000_000))
    assert len(list((tmp_path / "4096" / "documents").iterdir())) > len(
        list((tmp_path / "1000000" / "documents").iterdir())
    )
    assert small.digest == large.digest
    assert [entry.file for entry in small.shards] == [entry.file for entry in large.shards]


def test_documents_are_ordered_by_hash_of_identity_and_seed(corpus: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        out = tmp_path / str(seed)
        index = shards_of(corpus, out, seed=seed)
        documents = documents_of(out)
        seen = defaultdict(list)
        for row in rows_of(out, index):
            document = documents[row["part"], row["row"]]
            offset, ordinal = np.array([document["offset"]]), np.array([document["ordinal"]])
            key = int(identity_hash(pa.array([document["file"]]), offset, ordinal, seed)[0])
            # One tenth of four buckets is one bucket of validation documents.
            seen[row["split"], key % 4 if row["split"] == "train" else 0].append(key)
        assert len(seen) == 5
        assert all(keys == sorted(keys) for keys in seen.values())


def test_shards_are_cut_at_the_target_and_documents_never(corpus: Path, tmp_path: Path) -> None:
    index = shards_of(corpus, tmp_path, buckets=1, shard_tokens=5000, validation_fraction=0)
    rows = iter(rows_of(tmp_path, index))
    start = 0
    for number, entry in enumerate(index.shards):
        lengths = [len(next(rows)["tokens"]) for _ in range(entry.documents)]
        # Every document that begins below the next multiple of the target belongs to the shard.
        assert start // 5000 == (start + sum(lengths[:-1])) // 5000
        start += sum(lengths)
        assert entry.file == f"train-lines-00000-{number:05d}.arrow"
    assert {entry.split for entry in index.shards} == {"train"}


def test_a_given_tokenizer_is_used_and_kept_with_the_run(corpus: Path, tmp_path: Path) -> None:
    path = _tokenizer_file(tmp_path, 280)
    index = shards_of(corpus, tmp_path / "run", tokenizer=str(path))
    assert index.tokenizer_sha256 == tokenizer.load(path).sha256
    assert (tmp_path / "run" / "tokenizer" / "tokenizer.json").read_bytes() == path.read_bytes()
    assert verify(tmp_path / "run" / "shards").problems == []


def test_a_recipe_without_tokenizer_is_refused() -> None:
    with pytest.raises(StageError, match=r"write_shards: no tokenizer; put train_tokenizer before it"):
        WriteShards().phases("write_shards", Upstream("curate.documents", 3), 0)


def batch_of(texts: list[str], **columns: object) -> pa.RecordBatch:
    identity = {
        "file": pa.array(["f"] * len(texts)).dictionary_encode(),
        "offset": np.arange(len(texts)) * 100,
        "ordinal": np.zeros(len(texts), dtype=np.int32),
    }
    return pa.RecordBatch.from_pydict({**identity, "text": pa.array(texts, pa.large_string()), **columns})


def test_copies_and_clusters_draw_alike(bpe: tokenizer.Tokenizer) -> None:
    exact = pa.array([None, None, 7, None, 7, 8], pa.uint64())
    near = pa.array([None, None, None, 5, 5, None], pa.uint64())
    batch = batch_of(["same", "same", "a", "b", "c", "d"], exact_cluster=exact, near_cluster=near)
    rows = pa.array(range(6), pa.uint32())
    draw = tokenize_batch(bpe, 0, rows, batch, seed=1)["draw"].to_pylist()
    assert draw[0] == draw[1]
    assert draw[3] == draw[4]
    assert len(set(draw)) == 4
    assert tokenize_batch(bpe, 0, rows, batch, seed=2)["draw"].to_pylist() != draw


def test_draws_are_uniform(bpe: tokenizer.Tokenizer) -> None:
    batch = batch_of([f"text {number}" for number in range(4000)])
    draw = tokenize_batch(bpe, 0, pa.array(range(4000), pa.uint32()), batch, seed=0)["draw"].to_numpy()
    assert 0.08 < (draw < np.uint64(2**64 // 10)).mean() < 0.12


def test_a_shard_holds_one_source_and_names_never_clash(bpe: tokenizer.Tokenizer) -> None:
    sources = ["b/c", "b_c", "b c", None, "b/c", "plain.x"]
    batch = batch_of([f"text {number}" for number in range(6)], source=pa.array(sources).dictionary_encode())
    tokens = tokenize_batch(bpe, 2, pa.array(range(6), pa.uint32()), batch, seed=0)
    tokens = tokens.append_column("validation", pa.array([False] * 5 + [True]))
    shards = list(cut_shards([tokens], 3, 1000))
    assert sorted((shard.split, shard.source) for shard in shards) == sorted(
        {("train", "b/c"), ("train", "b_c"), ("train", "b c"), ("train", "documents"), ("val", "plain.x")}
    )
    files = [shard.file for shard in shards]
    assert len(set(files)) == 5
    assert "val-plain.x-00003-00000.arrow" in files
    assert not any("/" in file or " " in file for file in files)
    assert list(cut_shards([], 0, 1000)) == []


def test_engines_that_disagree_stop_the_task(tmp_path: Path) -> None:
    first, other = (
        tokenizer.load(_tokenizer_file(tmp_path / "a", 300)),
        tokenizer.load(_tokenizer_file(tmp_path / "b", 256)),
    )
    first._fast = other._fast
    with pytest.raises(StageError, match="part 4 row 9: gigatoken and tokenizers encode it differently"):
        tokenize_batch(first, 4, pa.array([9], pa.uint32()), batch_of(["the text"]), seed=0)
