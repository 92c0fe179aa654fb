"""The growth of deduplication is measured on the first files of a corpus, with what became of the planted pairs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks import dedup_growth, near_duplicates
from benchmarks.dedup_growth import DiskUse, measure
from benchmarks.near_duplicates import Corpus, write_documents, write_truth


def test_a_size_is_run_on_the_first_files_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (dedup_growth, near_duplicates):
        monkeypatch.setattr(module, "DOCUMENTS_A_FILE", 50)
    chance = random.Random(5)
    words = ["".join(chance.choices("uvwxyzabc", k=5)) for _ in range(3000)]
    made = Corpus([" ".join(chance.choices(words, k=20)) for _ in range(5000)], duplicates=0.4)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    _, variants = write_documents(made, 150, corpus)
    write_truth(made, variants, corpus / "truth.parquet")

    result = measure("minhash", corpus, 100, workers=1, scratch=tmp_path)
    assert 0.5 < result["recall"] <= 1
    assert result["disk_mb"] > sum(file.stat().st_size for file in (tmp_path / "run/documents").iterdir()) / 1e6
    assert result["worker_mb"] > 0
    with pytest.raises(SystemExit, match="give a multiple"):
        measure("minhash", corpus, 120, workers=1, scratch=tmp_path)


def test_disk_use_is_the_most_there_was_and_counts_a_file_once(tmp_path: Path) -> None:
    with DiskUse(tmp_path) as disk:
        (tmp_path / "one").write_bytes(bytes(range(256)) * 4096)
        (tmp_path / "other").hardlink_to(tmp_path / "one")
    assert 2**20 <= disk.most < 2**20 + 2**16
