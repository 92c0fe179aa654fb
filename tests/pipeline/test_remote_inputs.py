"""Inputs on web servers and data hubs are read where they lie: the same bytes as from a disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import Recipe, run
from pipeline.checksums import folder_checksums
from tests.pipeline.web_server import hub_server, web_server

RECIPE = {"name": "web", "task_bytes": "20kB", "stages": ["jsonl", "exact_dedup"]}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(3):
        lines = [json.dumps({"text": f"document {number * line % 97} of the web " * 20}) for line in range(80)]
        place = folder / "data" / f"part-{number}.jsonl"
        place.parent.mkdir(exist_ok=True)
        place.write_text("\n".join(lines) + "\n")
    (folder / "README.md").write_text("none of the corpus\n")
    return folder


@pytest.fixture(scope="module")
def from_disk(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("disk") / "run"
    run(Recipe.parse(RECIPE), [corpus / "data"], out, executor="inline", quiet=True)
    return published(out)


def published(out: Path) -> dict[str, str]:
    return {found.folder: found.sha256 for found in folder_checksums(out)}


def run_command(tmp_path: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    command = [sys.executable, "-m", "corpusmill", "run", str(recipe), "--out", str(tmp_path / "run"), *options]
    settings = {**os.environ, "HF_HOME": str(tmp_path / "hub"), **environment}
    return subprocess.run([*command, "--executor", "inline"], capture_output=True, text=True, timeout=300, env=settings)


def test_files_of_a_web_server_by_list(corpus: Path, from_disk: dict[str, str], tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("".join(f"part-{number}.jsonl\n" for number in range(3)))
    with web_server(corpus) as url:
        done = run_command(tmp_path, "--in", f"{url}/data", "--list", str(names))
        assert done.returncode == 0, done.stderr
        assert published(tmp_path / "run") == from_disk
        names.write_text("part-9.jsonl\n")
        absent = run_command(tmp_path, "--in", f"{url}/data", "--list", str(names))
        folder = run_command(tmp_path, "--in", f"{url}/data")
    assert absent.returncode == 2 and "data/part-9.jsonl: no such input file" in absent.stderr
    assert folder.returncode == 2 and "folders of a web server cannot be listed" in folder.stderr


def test_a_web_server_that_gives_no_ranges_is_named(tmp_path: Path) -> None:
    large = json.dumps({"text": "as long as several requests " * 50}) + "\n"
    (tmp_path / "large.jsonl").write_text(large * 10_000)
    with web_server(tmp_path, ranges=False) as url:
        found = run_command(tmp_path, "--in", f"{url}/large.jsonl", "--set", "task_bytes=50MB")
    last = found.stderr.strip().splitlines()[-1]
    assert found.returncode == 2 and "does not give ranges of files; copy the file here first" in last


def test_a_data_set_of_a_hub(corpus: Path, from_disk: dict[str, str], tmp_path: Path) -> None:
    with hub_server("mill/corpus", corpus) as url:
        for given in ("hf://datasets/mill/corpus/data", "hf://datasets/mill/corpus/data/*.jsonl"):
            done = run_command(tmp_path, "--in", given, HF_ENDPOINT=url)
            assert done.returncode == 0, done.stderr
            assert published(tmp_path / "run") == from_disk
        absent = run_command(tmp_path, "--in", "hf://datasets/mill/corpus/other", HF_ENDPOINT=url)
    assert absent.returncode == 2 and "no such input file or folder" in absent.stderr
