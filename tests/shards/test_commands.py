"""`shards verify`: exit status 0 for a good set, 1 with every fault named, 2 for a folder that is none."""

import json
from pathlib import Path

import pytest
import typer

from shards.commandline import run
from shards.commands import app as shards_app
from shards.writer import write_shard_set


@pytest.fixture
def app() -> typer.Typer:
    mounted = typer.Typer()
    mounted.add_typer(shards_app, name="shards")
    return mounted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "val"):
        write_shard_set(tmp_path, [[1, 2], [3]], vocabulary_size=5, end_of_text=0, split=split)
    return tmp_path


def test_a_good_set(app: typer.Typer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, "program", ["shards", "verify", str(folder)]) == 0
    assert capsys.readouterr().out == "2 shards, 4 documents, 10 tokens checked\n"
    assert run(app, "program", ["shards", "verify", str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["good"] is True
    assert answer["tokens"] == 10


def test_a_damaged_set_names_every_fault(app: typer.Typer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in folder.glob("*.arrow"):
        path.write_bytes(path.read_bytes()[:-1])
    assert run(app, "program", ["shards", "verify", str(folder), "--json"]) == 1
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["problems"]) == 2
    assert shown.err.splitlines() == [f"program: {folder}: 2 faults; write the shards again"]


def test_a_folder_that_is_none(app: typer.Typer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, "program", ["shards", "verify", str(tmp_path / "none")]) == 2
    assert "no index.json" in capsys.readouterr().err
