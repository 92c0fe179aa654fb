"""Token shards: what is written is what every reader gets, and damage is found and named."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shards.errors import ShardError
from shards.index import END_OF_TEXT, ShardIndex, token_dtype
from shards.reader import ShardSet
from shards.verify import verify
from shards.writer import tokens_digest, write_shard, write_shard_set

END = 0


def small_set(folder: Path, vocabulary_size: int = 1000) -> ShardIndex:
    generator = np.random.default_rng(5)
    documents = [generator.integers(1, vocabulary_size, size=size).tolist() for size in (3, 0, 40, 7)]
    write_shard_set(folder, documents, vocabulary_size=vocabulary_size, end_of_text=END, text_bytes=[9, 0, 130, 21])
    return write_shard_set(
        folder,
        documents[:2],
        vocabulary_size=vocabulary_size,
        end_of_text=END,
        text_bytes=[9, 0],
        split="val",
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(st.lists(st.integers(1, 69_999), max_size=20), min_size=1, max_size=12),
    vocabulary_size=st.sampled_from([70_000, 1 << 20]),
    shard_tokens=st.integers(1, 60),
)
def test_any_documents_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[list[int]],
    vocabulary_size: int,
    shard_tokens: int,
) -> None:
    folder = tmp_path_factory.mktemp("set")
    write_shard_set(folder, documents, vocabulary_size=vocabulary_size, end_of_text=END, shard_tokens=shard_tokens)
    shards = ShardSet.open(folder).of_split("train")
    read = [shard.document(n).tolist() for shard in shards for n in range(shard.entry.documents)]
    assert read == [[*document, END] for document in documents]
    assert verify(folder).problems == []


def test_dtype_follows_the_vocabulary(tmp_path: Path) -> None:
    assert token_dtype(1 << 16) == "uint16"
    assert token_dtype((1 << 16) + 1) == "uint32"
    write_shard_set(tmp_path, [[65_535]], vocabulary_size=1 << 16, end_of_text=END)
    assert ShardSet.open(tmp_path).shards[0].tokens.tolist() == [65_535, END]


def test_tokens_are_a_view_of_the_file(tmp_path: Path) -> None:
    small_set(tmp_path)
    shard = ShardSet.open(tmp_path).of_split("train")[0]
    assert shard.tokens.dtype == np.uint16
    assert not shard.tokens.flags.owndata
    assert not shard.tokens.flags.writeable
    raw = np.fromfile(tmp_path / shard.entry.file, dtype=np.uint8).tobytes()
    assert shard.tokens.tobytes() in raw


def test_document_at_every_position(tmp_path: Path) -> None:
    small_set(tmp_path)
    shard = ShardSet.open(tmp_path).of_split("train")[0]
    expected = np.repeat(np.arange(4), np.diff(shard.offsets))
    assert [shard.document_at(position) for position in range(len(shard))] == expected.tolist()
    with pytest.raises(IndexError):
        shard.document_at(len(shard))
    spans = shard.documents_between(2, len(shard) - 1)
    assert spans[0][:3] == (0, 0, 0)
    assert [token for span in spans for token in shard.tokens[span.start : span.stop]] == list(shard.tokens[2:-1])
    assert [span.offset for span in spans] == [2, 0, 0, 0]


@pytest.mark.parametrize("wrong", [-1, 1000, 65_536 + 5, 1 << 40])
def test_ids_outside_the_vocabulary_are_refused_not_wrapped(tmp_path: Path, wrong: int) -> None:
    with pytest.raises(ShardError, match=f"token id {wrong} at position 1 is outside the vocabulary of 1000"):
        write_shard_set(tmp_path, [[1, wrong]], vocabulary_size=1000, end_of_text=END)


def test_the_writer_refuses_arrays_that_do_not_fit(tmp_path: Path) -> None:
    def write(tokens: list[int], lengths: list[int], part: list[int]) -> None:
        arrays = (np.array(tokens), np.array(lengths), np.array(part), np.array(part), np.array(part))
        write_shard(tmp_path / "x.arrow", *arrays, vocabulary_size=10, end_of_text=END, split="train", source="s")

    with pytest.raises(ShardError, match="document 1 does not end with end-of-text"):
        write([1, END, 3], [2, 1], [0, 0])
    with pytest.raises(ShardError, match="sum to 2, tokens are 3"):
        write([1, 2, END], [2], [0])
    with pytest.raises(ShardError, match="at least its end-of-text"):
        write([1, END], [2, 0], [0, 0])
    with pytest.raises(ShardError, match="1 values of part for 2 documents"):
        write([END, END], [1, 1], [0])


def test_tokens_sha256_covers_tokens_and_lengths_alone() -> None:
    tokens, lengths = np.array([5, 0, 6, 0], dtype=np.uint16), np.array([2, 2])
    assert tokens_digest(tokens, lengths) == tokens_digest(tokens.astype(">u2"), lengths.astype(np.uint32))
    assert tokens_digest(tokens, lengths) != tokens_digest(tokens, np.array([1, 3]))


def test_equal_documents_give_equal_bytes_and_digest(tmp_path: Path) -> None:
    first, second = small_set(tmp_path / "a"), small_set(tmp_path / "b")
    assert first == second
    assert (tmp_path / "a" / "index.json").read_bytes() == (tmp_path / "b" / "index.json").read_bytes()
    renamed = replace(first, shards=tuple(replace(s, file="x", sha256="other") for s in first.shards))
    assert renamed.digest == first.digest
    assert replace(first, tokenizer_sha256="other").digest != first.digest


def test_the_index_survives_the_disk_and_names_what_is_wrong(tmp_path: Path) -> None:
    index = small_set(tmp_path)
    assert ShardIndex.load(tmp_path) == index
    content = json.loads((tmp_path / "index.json").read_text())

    def load_with(**changes: object) -> None:
        (tmp_path / "index.json").write_text(json.dumps({**content, **changes}))
        ShardIndex.load(tmp_path)

    for changes, words in [
        ({"format_version": 9}, "format_version 9"),
        ({"vocabulary_size": "1000"}, "vocabulary_size is missing or not int"),
        ({"dtype": "int8"}, "dtype 'int8'"),
        ({"special_ids": {}}, END_OF_TEXT),
        ({"shards": [{**content["shards"][0], "tokens": None}]}, r"shards\[0\].tokens"),
        ({"shards": [{**content["shards"][0], "file": "../x"}]}, "plain file name"),
    ]:
        with pytest.raises(ShardError, match=words.replace("|", r"\|")):
            load_with(**changes)
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(ShardError, match="not JSON"):
        ShardIndex.load(tmp_path)
    with pytest.raises(ShardError, match=r"no index\.json"):
        ShardIndex.load(tmp_path / "elsewhere")


def test_verify_finds_one_flipped_bit_anywhere(tmp_path: Path) -> None:
    small_set(tmp_path)
    path = sorted(tmp_path.glob("train-*.arrow"))[0]
    whole = path.read_bytes()
    for position in range(0, len(whole), 41):
        damaged = bytearray(whole)
        damaged[position] ^= 4
        path.write_bytes(damaged)
        assert any("sha256" in problem for problem in verify(tmp_path).problems), position


def test_verify_checks_content_even_where_checksums_agree(tmp_path: Path) -> None:
    index = small_set(tmp_path)
    replace(index, vocabulary_size=100).save(tmp_path)
    assert any("outside the vocabulary of 100" in problem for problem in verify(tmp_path).problems)
    replace(index, special_ids={END_OF_TEXT: 7}).save(tmp_path)
    assert any("does not end with end-of-text" in problem for problem in verify(tmp_path).problems)
    index.save(tmp_path)
    (tmp_path / index.shards[0].file).unlink()
    assert any("No such file" in problem for problem in verify(tmp_path).problems)


def test_a_damaged_or_foreign_file_is_one_clear_error(tmp_path: Path) -> None:
    index = small_set(tmp_path)
    path = tmp_path / index.shards[0].file
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ShardError, match="not a whole Arrow stream"):
        _ = ShardSet.open(tmp_path).shards
    batch = pa.record_batch({"tokens": pa.array([[1]], type=pa.large_list(pa.int64()))})
    with pa.ipc.new_stream(str(path), batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(ShardError, match="column tokens is large_list"):
        _ = ShardSet.open(tmp_path).shards
    with pytest.raises(ShardError, match="no shard of split 'test'"):
        small_set(tmp_path)
        ShardSet.open(tmp_path).of_split("test")


def test_datasets_opens_a_shard_as_it_is(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the datasets library is not installed")
    index = small_set(tmp_path)
    shard = ShardSet.open(tmp_path).shards[0]
    opened = datasets.Dataset.from_file(str(tmp_path / index.shards[0].file))
    assert opened["tokens"][2] == shard.document(2).tolist()
    assert opened["bytes"] == shard.text_bytes.tolist()
