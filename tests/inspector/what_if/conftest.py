"""Texts of two crawls of one site and of another, as a Parquet corpus with duplicates, and a recipe to ask about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline import Recipe, run

STAGES: list[Any] = [
    "parquet",
    {"language": {"min_score": 0.6}},
    "gopher",
    {"filter": {"name": "wordy", "drop_if": "gopher_word_length > 5.2"}},
    "exact_dedup",
    "minhash_dedup",
    {"filter": {"label": "late", "name": "late", "drop_if": "gopher_stop_words < 5"}},
]
KEY = ("file", "offset", "ordinal")

Rerun = Callable[..., Path]


@pytest.fixture(scope="session")
def corpus(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The texts of some 300 pages, every tenth twice more under another name."""
    folder = tmp_path_factory.mktemp("corpus")
    names = ("history", "history-recrawl", "policy", "python")
    crawls = [shared_data / "warc" / f"dev-{name}.warc.gz" for name in names]
    run(Recipe.parse({"name": "texts", "stages": ["warc", "extract_text"]}), crawls, folder / "run", quiet=True)
    texts = pl.read_parquet(folder / "run" / "documents" / "*.parquet").select("id", "url", "text")
    again = texts.gather_every(10)
    longer = again.with_columns(text=pl.col("text") + "\n\nThis page was copied from there.")
    pl.concat([longer, texts, again]).write_parquet(folder / "corpus.parquet", row_group_size=90)
    return folder / "corpus.parquet"


@pytest.fixture(scope="session")
def rerun(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Rerun:
    """Runs the recipe, other than it was where told, and each variant once; the run directory."""
    made: dict[str, Path] = {}

    def run_it(*overrides: str, stages: list[Any] = STAGES, rejects: Any = "full") -> Path:
        variant = repr((overrides, stages, rejects))
        if variant in made:
            return made[variant]
        out = made[variant] = tmp_path_factory.mktemp("rerun") / "run"
        recipe = Recipe.parse({"name": "asked", "rejects": rejects, "stages": stages}, overrides=overrides)
        run(recipe, [corpus], out, executor="inline", quiet=True)
        return out

    return run_it


@pytest.fixture(scope="session")
def asked_run(rerun: Rerun) -> Path:
    return rerun()


def outcomes(run: Path) -> dict[tuple, str]:
    """For each row by identity the rule that dropped it, or `kept` or `quarantined`."""
    found = {}
    for folder in ("documents", "rejects"):
        for file in sorted((run / folder).glob("*.parquet")):
            frame = pl.read_parquet(file).with_columns(pl.col("file").cast(pl.String))
            if folder == "documents":
                ends = ["kept"] * len(frame)
            else:
                ends = frame.select(pl.col("rule").fill_null("quarantined"))["rule"].to_list()
            found.update(zip(frame.select(KEY).rows(), ends, strict=True))
    return found
