"""Arrow files and streams as a source of documents, and data sets as `datasets` saves them."""

import json
import random
from pathlib import Path

import datasets
import fsspec
import pyarrow as pa
import pytest

from pipeline import Recipe, compile_plan, run
from pipeline.checksums import folder_checksums
from pipeline.errors import RecipeError
from stages.base import InputFile, StageError
from stages.sources.arrow import ArrowSource
from tests.stages.warc_files import rows, splits, write

COUNT = 1000
TEXTS = [None if n % 7 == 0 else f"text {n} é" * (n % 50) for n in range(COUNT)]
TABLE = pa.table({"text": TEXTS, "id": range(COUNT), "meta": [{"url": f"u{n}"} for n in range(COUNT)]})


@pytest.fixture(autouse=True, scope="module")
def no_progress_bars() -> None:
    datasets.disable_progress_bars()


def arrow(folder: Path, table: pa.Table = TABLE, kind: str = "file", compression: str | None = None) -> Path:
    path = folder / "a.arrow"
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with new(str(path), table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=100)
    return path


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_any_cut_gives_the_same_rows(tmp_path, kind, compression):
    path = arrow(tmp_path, TABLE, kind, compression)
    source = ArrowSource(fields={"url": "meta.url"})
    found = rows(source, path)
    assert [row.get("text") for row in found] == TEXTS
    assert [(row["offset"], row["id"], row["url"]) for row in found] == [(n, str(n), f"u{n}") for n in range(COUNT)]
    assert {row["error"] for row in found if "text" not in row} == {"the column 'text' is null"}
    for target, batch_bytes in ((1, 100), (10_000, 1 << 20)):
        ranges = splits(source, path, target)
        assert len(ranges) > 1 and rows(source, path, ranges, batch_bytes) == found
        assert sum(source.count(split, path, 1 << 30) for split in ranges) == COUNT
    file = InputFile(path.name, path, path.stat().st_size)
    for number in (0, 1, 555, 999):
        batch = source.read_one(file, number, 0)
        assert batch.documents.to_pylist() + batch.rejects.to_pylist() == [found[number]]
    for offset, ordinal in ((COUNT, 0), (1, 1)):
        nothing = source.read_one(file, offset, ordinal)
        assert nothing.documents.num_rows + nothing.rejects.num_rows == 0


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_dictionaries_that_grow_between_batches(tmp_path, kind):
    texts = [f"word {n // 3}" for n in range(300)]
    batches = [pa.array(texts[start : start + 100]).dictionary_encode() for start in (0, 100, 200)]
    if kind == "file":  # A file has one dictionary a column, which may only grow.
        words = pa.array(sorted(set(texts)))
        batches = [
            pa.DictionaryArray.from_arrays(pa.compute.index_in(batch.cast(pa.string()), words), words)
            for batch in batches
        ]
    path = arrow(tmp_path, pa.table({"text": pa.chunked_array(batches)}), kind)
    assert [row["text"] for row in rows(ArrowSource(), path, splits(ArrowSource(), path, 1))] == texts


def test_a_data_set_that_datasets_saved(tmp_path):
    data = datasets.Dataset.from_dict({"text": TEXTS, "label": list(range(COUNT))})
    data.save_to_disk(tmp_path / "set", num_shards=3)
    data.map(lambda row: {"label": 0}, cache_file_name=str(tmp_path / "set" / "cache-1.arrow"))
    recipe = Recipe.parse({"name": "set", "stages": ["arrow"]})
    plan = compile_plan(recipe, [tmp_path / "set"])
    assert list(plan.files) == [f"data-{shard:05d}-of-00003.arrow" for shard in range(3)]
    found = [row for name in plan.files for row in rows(ArrowSource(), tmp_path / "set" / name)]
    assert [row.get("text") for row in found] == datasets.load_from_disk(tmp_path / "set")["text"][:]
    totals = run(recipe, [tmp_path / "set"], tmp_path / "run", executor="inline", quiet=True).totals
    assert (totals.read, totals.quarantined) == (COUNT, TEXTS.count(None))


def test_a_data_set_on_a_remote_storage_gives_the_same_documents(tmp_path):
    datasets.Dataset.from_dict({"text": TEXTS}).save_to_disk(tmp_path / "set", num_shards=2)
    (tmp_path / "set" / "cache-1.arrow").write_bytes(b"none of it")
    for file in (tmp_path / "set").iterdir():
        fsspec.filesystem("memory").pipe_file(f"/arrow-set/{file.name}", file.read_bytes())
    recipe = Recipe.parse({"name": "set", "stages": ["arrow"]})
    for place, out in ((tmp_path / "set", "here"), ("memory://arrow-set", "there")):
        run(recipe, [place], tmp_path / out, executor="inline", quiet=True)
    here, there = (folder_checksums(tmp_path / out) for out in ("here", "there"))
    assert [folder.sha256 for folder in here] == [folder.sha256 for folder in there]
    with pytest.raises(
        RecipeError, match=r"memory://arrow-set/data.*has no column 'body'; set fields.text: one of 'text'"
    ):
        wrong = Recipe.parse({"name": "set", "stages": [{"arrow": {"fields": {"text": "body"}}}]})
        compile_plan(wrong, ["memory://arrow-set"])


def test_splits_of_a_saved_data_set_are_folders(tmp_path):
    data = datasets.DatasetDict({name: datasets.Dataset.from_dict({"text": [name] * 2}) for name in ("train", "test")})
    data.save_to_disk(tmp_path / "set", num_shards={"train": 1, "test": 2})
    recipe = Recipe.parse({"name": "set", "stages": ["arrow"]})
    every = ["test/data-00000-of-00002.arrow", "test/data-00001-of-00002.arrow", "train/data-00000-of-00001.arrow"]
    assert list(compile_plan(recipe, [tmp_path / "set"]).files) == every
    assert list(compile_plan(recipe, [tmp_path / "set" / "train"]).files) == [Path(every[2]).name]
    (tmp_path / "set" / every[0]).unlink()
    with pytest.raises(
        RecipeError, match=r"set: test/data-00000-of-00002.arrow: no such file, but test/state.json names"
    ):
        compile_plan(recipe, [tmp_path / "set"])
    (tmp_path / "set" / "test" / "state.json").write_text("{}")
    with pytest.raises(RecipeError, match=r"test/state\.json: does not name a data set's files"):
        compile_plan(recipe, [tmp_path / "set"])


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_a_file_that_was_cut_off_gives_what_comes_before(tmp_path, kind):
    path = arrow(tmp_path, TABLE, kind)
    whole = rows(ArrowSource(), path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    *found, last = rows(ArrowSource(), path, splits(ArrowSource(), path, 1))
    assert 0 < len(found) < COUNT and found == whole[: len(found)]
    assert (last["offset"], last["outcome"]) == (len(found), "quarantined")
    assert "bytes before the message" in last["error"] and json.loads(last["values"])["bytes"] > 0
    again = ArrowSource().read_one(InputFile("a.arrow", path, path.stat().st_size), len(found), 0)
    assert again.rejects.to_pylist() == [last]


def test_a_damaged_record_batch_is_one_row_and_the_next_is_read(tmp_path):
    path = arrow(tmp_path, TABLE, "file", "zstd")
    content = bytearray(path.read_bytes())
    place = content.index(b"\x28\xb5\x2f\xfd", len(content) // 2)
    content[place : place + 4] = b"none"
    path.write_bytes(content)
    found = rows(ArrowSource(), path)
    (bad,) = [row for row in found if row.get("error", "").startswith("damaged")]
    assert bad["offset"] % 100 == 0 and json.loads(bad["values"])["rows"] == 100
    assert len(found) == COUNT - 99


def test_no_damage_ends_the_process_or_raises_anything_but_one_line(tmp_path):
    chance = random.Random(1)
    for kind in ("file", "stream"):
        content = arrow(tmp_path, TABLE.slice(0, 200), kind).read_bytes()
        for _ in range(60):
            broken = bytearray(content)
            broken[chance.randrange(len(broken))] = chance.randrange(256)
            path = write(tmp_path, bytes(broken), "b.arrow")
            try:
                assert rows(ArrowSource(), path)
            except StageError as error:
                assert "b.arrow: " in str(error)


def test_what_is_no_arrow_file_is_one_clear_line(tmp_path):
    with pytest.raises(StageError, match="is no Arrow file or stream"):
        rows(ArrowSource(), write(tmp_path, b"text of some length", "b.arrow"))
    with pytest.raises(
        StageError, match=r"a\.arrow: has no column 'body'; set fields.text: one of 'text', 'meta\.url'"
    ):
        splits(ArrowSource(fields={"text": "body"}), arrow(tmp_path))


def test_files_without_rows_or_bytes(tmp_path):
    assert splits(ArrowSource(), arrow(tmp_path, TABLE.slice(0, 0))) == []
    path = write(tmp_path, b"", "a.arrow")
    (row,) = rows(ArrowSource(), path)
    assert (row["offset"], row["outcome"], row["error"]) == (0, "quarantined", "the file is empty")
    assert ArrowSource().count(splits(ArrowSource(), path)[0], path, 10) == 1
    assert ArrowSource().read_one(InputFile("a.arrow", path, 0), 0, 0).rejects.to_pylist() == [row]
