"""`shards verify`: exit status 0 for a good set, 2 with every fault named, 2 for a folder that is none."""

import json
import subprocess
import sys
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
    assert run(app, "program", ["shards", "verify", str(folder), "--json"]) == 2
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["problems"]) == 2
    assert shown.err.splitlines() == [f"program: {folder}: 2 faults; write the shards again"]


def test_one_missing_shard_is_one_fault_and_the_last_line_counts_it(folder: Path) -> None:
    shard = next(folder.glob("val-*.arrow"))
    shard.unlink()
    program = (
        "import sys; from shards.commandline import run; from shards.commands import app; sys.exit(run(app, 'mill'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "verify", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        f"{shard.name}: No such file or directory",
        "2 shards, 4 documents, 10 tokens checked",
        f"mill: {folder}: 1 fault; write the shards again",
    ]


def test_a_set_of_one_token_is_counted_in_the_singular(
    app: typer.Typer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shard_set(tmp_path, [[]], vocabulary_size=5, end_of_text=0)
    assert run(app, "program", ["shards", "verify", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 shard, 1 document, 1 token checked\n"


def test_a_folder_that_is_none(app: typer.Typer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, "program", ["shards", "verify", str(tmp_path / "none")]) == 2
    assert "no index.json" in capsys.readouterr().err
