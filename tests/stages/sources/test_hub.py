"""Data sets in the hub's layout: the same files that `datasets` finds, read here or from a hub."""

import json
import os
import subprocess
import sys
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import Recipe, compile_plan, run
from pipeline.checksums import folder_checksums
from pipeline.errors import RecipeError
from tests.pipeline.web_server import hub_server

PLAIN = ["a.parquet", "b.parquet", "deep/c.parquet", ".hidden.parquet", "__notes__/d.parquet"]
SHARDS = [
    *("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"),
    *("data/extra-00000-of-00001.parquet", "data/other.parquet", "train.parquet"),
]
FOLDERS = ["my-train-2/a.parquet", "train/deep/b.parquet", "test/c.parquet", "dev/d.parquet", "trains/e.parquet"]
NAMED = ["train.parquet", "en/my_training.0.parquet", "validation-1.parquet", "retrain.parquet", "eval.parquet"]
CONFIGURED = ["en/a.parquet", "en/b.parquet", "en/test/c.parquet", "de/a.parquet", "de/.d.parquet", "all.parquet"]

ONE = "configs:\n- config_name: all\n  data_files: '**/a.parquet'\n"
SEVERAL = """configs:
- config_name: en
  default: true
  data_files:
  - split: train
    path: [en/a.parquet, 'en/[b-z].parquet']
  - split: held_out
    path: en/test/*
- config_name: de
  data_dir: de
- config_name: both
  data_files: ['./*/a.parquet', de/.d.parquet]
"""


def lay_out(folder: Path, names: list[str], header: str | None) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"text": [f"text of {name}"]}), folder / name)
    if header is not None:
        (folder / "README.md").write_text(f"---\nlicense: mit\n{header}---\n# A data set\n---\n")
    return folder


def hub(**parameters: object) -> Recipe:
    return Recipe.parse({"name": "hub", "stages": [{"hub": parameters}]})


@pytest.mark.parametrize(
    ("names", "header", "config"),
    [
        (PLAIN, None, None),
        (PLAIN, "", None),
        (SHARDS, None, None),
        (FOLDERS, None, None),
        (NAMED, None, None),
        (CONFIGURED, ONE, None),
        (CONFIGURED, SEVERAL, None),
        (CONFIGURED, SEVERAL, "de"),
        (CONFIGURED, SEVERAL, "both"),
    ],
    ids=["plain", "card", "shards", "folders", "named", "one", "default", "data_dir", "patterns"],
)
def test_the_files_of_every_split_are_those_that_datasets_finds(tmp_path, monkeypatch, names, header, config):
    monkeypatch.setattr(datasets.config, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = lay_out(tmp_path / "set", names, header)
    builder = datasets.load_dataset_builder(str(folder), config, cache_dir=str(tmp_path / "cache"))
    assert builder.config.data_files
    for split, files in builder.config.data_files.items():
        plan = compile_plan(hub(split=str(split), config=config), [folder])
        assert list(plan.files) == sorted(str(Path(file).relative_to(folder)) for file in files)


@pytest.mark.parametrize(
    ("header", "parameters", "says"),
    [
        (None, {}, "has no split 'train'; set split: one of test"),
        (None, {"config": "en"}, "has no configuration 'en': its README.md lists none; leave config out"),
        (SEVERAL, {"config": "fr"}, "has no configuration 'fr'; set config: one of en, de, both"),
        (SEVERAL.replace("  default: true\n", ""), {}, "has several configurations; set config: one of en, de, both"),
        (SEVERAL, {"split": "test"}, "has no split 'test'; set split: one of train, held_out"),
        ("configs:\n- config_name: x\n  data_files: y.csv\n", {}, "has no file that matches y.csv"),
        ("configs:\n- config_name: x\n  data_files: ../y.csv\n", {}, "README.md points outside of it, to ../y.csv"),
        ("configs:\n- config_name: x\n  data_files: [{path: y}]\n", {}, "README.md says data_files: {'path': 'y'}"),
        ("configs: [1\n", {}, "its README.md has a header that cannot be used"),
        ("configs: [x]\n", {}, "its README.md has a header that cannot be used"),
    ],
)
def test_what_a_data_set_does_not_have_is_one_line_that_says_what_it_has(tmp_path, header, parameters, says):
    folder = lay_out(tmp_path / "set", CONFIGURED, header)
    with pytest.raises(RecipeError) as raised:
        compile_plan(hub(**parameters), [folder])
    assert str(raised.value).startswith(f"{folder}: ") and says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_format_is_read_and_the_most_frequent_chosen(tmp_path):
    rows = [{"content": f"text {number}", "key": number} for number in range(20)]
    data = datasets.Dataset.from_list(rows)
    folder = tmp_path / "set"
    for ending, write in (
        ("parquet", data.to_parquet),
        ("jsonl", data.to_json),
        ("json", data.to_json),
        ("csv", data.to_csv),
    ):
        for shard in range(2):
            (folder / ending).mkdir(parents=True, exist_ok=True)
            write(str(folder / ending / f"{shard}.{ending}"))
        (folder / ending / ("one-more.tsv" if ending != "csv" else "one-more.jsonl")).write_text("other\n")
        recipe = hub(fields={"text": "content", "id": "key"})
        out = tmp_path / f"run-{ending}"
        totals = run(recipe, [folder / ending], out, executor="inline", quiet=True).totals
        found = pq.read_table(out / "documents").to_pylist()
        assert [(row["text"], row["id"]) for row in found] == 2 * [(row["content"], str(row["key"])) for row in rows]
        assert totals.read == 40
    (folder / "array").mkdir()
    (folder / "array" / "a.json").write_text(json.dumps(rows))
    with pytest.raises(RecipeError, match=r"a\.json: is one JSON array; only JSON Lines are read"):
        compile_plan(hub(), [folder / "array"])


def test_a_data_set_of_a_hub_is_read_where_it_lies(tmp_path):
    folder = lay_out(tmp_path / "set", CONFIGURED, SEVERAL)
    run(hub(), [folder], tmp_path / "here", executor="inline", quiet=True)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: hub\nstages:\n  - hub: {dataset: mill/corpus}\n")
    with hub_server("mill/corpus", folder) as url:
        settings = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": url}

        def command(*arguments: str) -> subprocess.CompletedProcess[str]:
            line = [sys.executable, "-m", "corpusmill", *arguments]
            return subprocess.run(line, capture_output=True, text=True, timeout=300, env=settings)

        done = command("run", str(recipe), "--out", str(tmp_path / "there"), "--executor", "inline")
        assert done.returncode == 0, done.stderr
        pinned = ["--set", "hub.revision=v1.0", "--set", "hub.config=de", "--json"]
        planned = command("plan", str(recipe), *pinned)
        assert planned.returncode == 0, planned.stderr
    here, there = (folder_checksums(tmp_path / name) for name in ("here", "there"))
    assert here[0].sha256 == there[0].sha256
    assert [file["name"] for file in json.loads(planned.stdout)["files"]] == ["de/a.parquet"]
    with pytest.raises(RecipeError, match="no input given; name files or folders with --in"):
        compile_plan(hub(), [])


@pytest.mark.parametrize(
    "parameters", [{"dataset": "corpus"}, {"dataset": "a/b/c"}, {"dataset": "a/b", "revision": ""}]
)
def test_names_that_are_no_data_set_are_refused(parameters):
    with pytest.raises(RecipeError, match=r"stage 'hub': (dataset|revision)"):
        hub(**parameters)
