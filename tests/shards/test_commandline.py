"""Every failure of a command is one line on standard error and the exit status that scripts test for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from shards.commandline import run
from shards.errors import ShardError


class WorkFailed(Exception):
    exit_status = 1


def application() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True)

    @app.command()
    def fail(kind: str) -> None:
        if kind == "used wrongly":
            raise ShardError("index.json: key dtype is wrong;\n  write it again")
        if kind == "work failed":
            raise WorkFailed("two faults")
        if kind == "missing file":
            Path("no-such-folder/no-such-file").read_text()
        if kind == "interrupt":
            raise KeyboardInterrupt
        if kind == "cut off":
            raise EOFError("the stream ended")
        raise ZeroDivisionError("surprise")

    @app.command()
    def succeed(number: int = 1) -> None:
        print(number)

    @app.command()
    def leave() -> None:
        raise typer.Exit(1)

    return app


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["fail", "used wrongly"], 2, "program: index.json: key dtype is wrong; write it again"),
        (["fail", "work failed"], 1, "program: two faults"),
        (["fail", "missing file"], 2, "no-such-folder/no-such-file: No such file or directory"),
        (["fail", "interrupt"], 1, "program: interrupted"),
        (["fail", "cut off"], 1, "program: internal error: EOFError: the stream ended"),
        (["fail", "other"], 1, "ZeroDivisionError: surprise"),
        (["fail"], 2, "Missing argument"),
        (["sucede"], 2, "No such command"),
        (["succeed", "--nummer", "3"], 2, "No such option"),
        (["succeed", "--number", "three"], 2, "three"),
    ],
)
def test_every_failure_is_one_line(
    arguments: list[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(application(), "program", arguments) == status
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("program: ")
    assert words in lines[0] or words == "three"


def test_success_help_and_chosen_exit(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(application(), "program", ["succeed"]) == 0
    assert run(application(), "program", ["leave"]) == 1
    assert run(application(), "program", ["--help"]) == 0
    assert capsys.readouterr().err == ""


def test_no_arguments_shows_the_help_and_counts_as_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(application(), "program", []) == 2
    shown = capsys.readouterr()
    assert "succeed" in shown.out + shown.err


def test_debug_shows_where_a_stream_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(application(), "program", ["fail", "cut off", "--debug"]) == 1
    error = capsys.readouterr().err
    assert 'raise EOFError("the stream ended")' in error
    assert "_EndedEarly" not in error


@pytest.mark.parametrize("way", ["option", "environment"])
def test_debug_shows_the_traceback(
    way: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "environment":
        monkeypatch.setenv("CORPUSMILL_DEBUG", "1")
    arguments = ["fail", "other", *(["--debug"] if way == "option" else [])]
    assert run(application(), "program", arguments) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    code = (
        "import sys, typer; from shards.commandline import run\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def talk() -> None:\n"
        "    for line in range(200000): print(line)\n"
        "sys.exit(run(app, 'talk', []))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = f'"{sys.executable}" -c "{code}" | head -1'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)
    assert done.stdout == "0\n"
    assert done.stderr == ""
