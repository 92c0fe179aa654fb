"""Imports point down the floors of docs/architecture.md, and the front door loads nothing slow."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: What each package may import of ours: everything on lower floors.
ALLOWED = {
    "tokenizer": set(),
    "shards": set(),
    "stages": {"tokenizer", "shards"},
    "pipeline": {"stages", "tokenizer", "shards"},
    "trainer": {"tokenizer", "shards"},
    "inspector": {"pipeline", "trainer", "stages", "tokenizer", "shards"},
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_down(package: str) -> None:
    ours = {*ALLOWED, "corpusmill", "benchmarks", "tests"}
    for path in (ROOT / package).rglob("*.py"):
        upward = (imported(path) & ours) - ALLOWED[package] - {package}
        assert not upward, f"{path.relative_to(ROOT)} imports {upward}"


def test_the_engine_names_no_stage() -> None:
    concrete = {"warc", "sources", "gopher", "language", "minhash", "extract_text", "exact_dedup"}
    for path in (ROOT / "pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("stages."):
                assert node.module.split(".")[1] not in concrete, f"{path.name} imports {node.module}"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["train", "--help"], ["inspect", "--help"]])
def test_help_loads_nothing_slow(arguments: list[str]) -> None:
    script = (
        "import json, sys, corpusmill; sys.argv = ['corpusmill', *json.loads(sys.argv[1])]\n"
        "status = corpusmill.main()\n"
        "print(json.dumps([status, sorted({m.partition('.')[0] for m in sys.modules})]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, json.dumps(arguments)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    status, loaded = json.loads(result.stdout.splitlines()[-1])
    assert status == 0
    assert not {"torch", "polars", "pyarrow", "numba", "numpy"} & set(loaded)
