"""The command line: wrong use is one clear line and exit status 2, and never a traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import Recipe

ROOT = Path(__file__).parents[1]


def corpusmill(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "corpusmill", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of things to use wrongly."""
    (tmp_path / "text.jsonl").write_text('{"text": "one"}\n')
    (tmp_path / "plain.warc").write_text("this is no WARC file\n" * 50)
    (tmp_path / "plain.warc.gz").write_text("this is no gzip file\n" * 50)
    (tmp_path / "misspelt.yaml").write_text("name: r\nstages:\n  - jsonl\n  - gopher: {min_doc_wrods: 3}\n")
    (tmp_path / "good.yaml").write_text("name: r\nstages: [jsonl]\n")
    (tmp_path / "expression.yaml").write_text(
        "name: r\nstages:\n  - jsonl\n  - filter: {name: f, drop_if: words < 3}\n"
    )
    (tmp_path / "file").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("run good.yaml", "--out"),
        ("run good.yaml --out run", "--in"),
        ("run good.yaml --in text.jsonl --out run --wrokers 2", "--wrokers"),
        ("run absent.yaml --in text.jsonl --out run", "absent.yaml"),
        ("run good.yaml --in absent.jsonl --out run", "absent.jsonl"),
        ("run good.yaml --in text.jsonl --out file", "file"),
        ("run good.yaml --in text.jsonl --out /proc/nowhere/run", "/proc/nowhere/run"),
        ("run good.yaml --in text.jsonl --out run --executor slrum", "must be one of inline, local, ray, slurm"),
        ("run good.yaml --in text.jsonl --out run --workers 0", "workers"),
        ("run good.yaml --in plain.warc --out run", "plain.warc"),
        ("run misspelt.yaml --in text.jsonl --out run", "did you mean 'min_doc_words'?"),
        ("run good.yaml --in text.jsonl --out run --set jsonl.filds=x", "did you mean 'fields'?"),
        ("run good.yaml --in text.jsonl --out run --set stages=3", "--set stages=3"),
        ("plan expression.yaml --in text.jsonl", "column 'words'"),
        ("run fineweb --in plain.warc --out run", "plain.warc"),
        ("run fineweb --in plain.warc.gz --out run", "plain.warc.gz"),
        ("plan good.yaml", "--in"),
        ("status absent", "absent"),
        ("logs absent curate:0", "absent"),
        ("clean absent", "absent"),
        ("stages gophre", "did you mean 'gopher'?"),
        ("inspect absent", "absent"),
        ("inspect file", "file"),
        ("trace absent", "absent"),
        ("shards verify absent", "absent"),
        ("train absent.yaml --shards absent --out model", "absent"),
        ("sample absent", "absent"),
        ("eval absent --shards absent", "absent"),
        ("tokenizer train absent.txt --vocab-size 300 --out t.json", "absent"),
        ("nothing", "nothing"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(place: Path, arguments: str, says: str) -> None:
    result = corpusmill(*arguments.split(), cwd=place)
    assert result.returncode == 2, result.stderr
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("compiling kernels", "curate:", "  "))]
    assert len(lines) == 1 and lines[0].startswith("corpusmill: ") and says in lines[0]
    assert "Traceback" not in result.stderr and "Traceback" not in result.stdout


def test_every_command_has_help_with_an_example() -> None:
    commands = "run plan task publish status logs stages inspect trace train sample eval demo".split()
    for command in [[name] for name in commands] + [["tokenizer", "train"], ["shards", "verify"]]:
        result = corpusmill(*command, "--help")
        assert result.returncode == 0 and "Example: corpusmill" in result.stdout, command


def test_the_recipe_options_that_help_and_readme_show_are_accepted() -> None:
    shown = corpusmill("run", "--help").stdout + (ROOT / "README.md").read_text("utf-8")
    overrides = re.findall(r"--set\s+([a-z_]+\.[a-z_]+=\w+)", shown)
    assert len(overrides) >= 2
    Recipe.load("fineweb", overrides)


def test_a_run_can_be_read_by_scripts(place: Path) -> None:
    assert corpusmill("run", "good.yaml", "--in", "text.jsonl", "--out", "run", cwd=place).returncode == 0
    report = json.loads(corpusmill("inspect", "run", "--json", cwd=place).stdout)
    assert report["totals"] == {"read": 1, "kept": 1, "dropped": 0, "quarantined": 0}
    assert json.loads(corpusmill("status", "run", "--json", cwd=place).stdout)["state"] == "complete"
    plan = json.loads(corpusmill("plan", "good.yaml", "--in", "text.jsonl", "--json", cwd=place).stdout)
    assert [phase["name"] for phase in plan["phases"]] == ["curate"]
    log = corpusmill("logs", "run", "curate:0", cwd=place).stdout.splitlines()
    assert [json.loads(line)["event"] for line in log] == ["started", "done"]
    assert json.loads(corpusmill("stages", "gopher", "--json").stdout)["kind"] == "filter"


def test_a_foreign_package_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "__init__.py").write_text("")
    result = subprocess.run(
        [sys.executable, "-c", "import sys, corpusmill; sys.exit(corpusmill.main())", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("corpusmill: the package 'tokenizer' found at ")
