"""The comparison of near-deduplication end to end runs, and judges by the planted pairs."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.dedup import first_lines, ids_of_run
from benchmarks.dedup_peers import shingles
from benchmarks.near_duplicates import Corpus, write_documents, write_truth
from benchmarks.planted import EDGES, Planted, as_kept, recall
from tests.test_front_door import ROOT


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance = random.Random(3)
    words = ["".join(chance.choices("klmnopqrst", k=5)) for _ in range(3000)]
    folder = tmp_path_factory.mktemp("corpus")
    made = Corpus([" ".join(chance.choices(words, k=20)) for _ in range(5000)], duplicates=0.4)
    _, variants = write_documents(made, 150, folder)
    write_truth(made, variants, folder / "truth.parquet")
    return folder


def test_ours_runs_on_the_first_documents_and_removes_planted_copies(corpus: Path, tmp_path: Path) -> None:
    lines = tmp_path / "documents.jsonl"
    lines.write_bytes(b"".join(first_lines(corpus, 100)))
    command = [sys.executable, "-m", "benchmarks.dedup", "--in", lines, "--measure", tmp_path / "run"]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    texts = [json.loads(line)["text"] for line in lines.read_bytes().splitlines()]
    assert result["documents"] == 100
    assert result["bytes"] == sum(len(text.encode()) for text in texts)

    planted = Planted.load(corpus, 100)
    found = planted.found(as_kept(ids_of_run(tmp_path / "run"), 100))
    certain = [row for low, row in zip(EDGES, found, strict=False) if low >= 0.95]
    assert sum(pairs for pairs, _ in certain) > 0
    assert all(pairs == hits for pairs, hits in certain)


def test_a_pair_is_found_when_one_of_its_documents_is_gone_and_counted_only_when_alone() -> None:
    a, b = np.array([0, 2, 4, 4, 5]), np.array([1, 3, 5, 6, 6])
    planted = Planted(8, a, b, np.array([0.9, 0.85, 0.95, 0.95, 0.95]))
    kept = as_kept(["0", "2", "3", "4"], 8)
    found = dict(zip(EDGES, planted.found(kept), strict=False))
    assert found[0.9] == (1, 1)
    assert found[0.85] == (1, 0)
    assert found[0.95] == (0, 0)
    assert planted.without_twin(kept) == 1
    assert recall(planted.found(kept)) == 0.5


def test_peers_are_given_the_shingles_that_ours_compares() -> None:
    assert shingles("One, two: THREE\n\nfour five  “six”.") == ["one two three four five", "two three four five six"]
    assert shingles("Two words!") == ["two words"]
