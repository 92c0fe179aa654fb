"""A real run over one of the crawls, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import Recipe, run

OVERRIDES = [
    "train_tokenizer.vocab_size=1024",
    "write_shards.buckets=2",
    "write_shards.validation_fraction=0.2",
    "language.min_score=0.5",
    "task_bytes=300kB",
]


@pytest.fixture(scope="session")
def crawl(shared_data: Path) -> Path:
    return shared_data / "warc" / "dev-policy.warc.gz"


@pytest.fixture(scope="session")
def whole_run(crawl: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of the FineWeb-like recipe on a crawl of 104 responses."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run(Recipe.load("fineweb", OVERRIDES), [crawl], out, executor="inline", quiet=True)
    return out
