"""Over all crawls: what is said beyond an exchange contains the rerun, and inside a group it is the rerun."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.what_if.answer import what_if
from pipeline import Recipe, run
from tests.inspector.what_if.conftest import outcomes
from tests.inspector.what_if.test_answers import assert_row_by_row, assert_within_bounds

pytestmark = pytest.mark.slow

STAGES = ["parquet", "language", "gopher", "c4_lines", "c4", "fineweb", "exact_dedup", "minhash_dedup"]


@pytest.fixture(scope="module")
def texts(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is extracted from every crawl."""
    out = tmp_path_factory.mktemp("texts") / "run"
    run(Recipe.parse({"name": "texts", "stages": ["warc", "extract_text"]}), [shared_data / "warc"], out, quiet=True)
    return out / "documents"


@pytest.fixture(scope="module")
def asked_run(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return curated(texts, tmp_path_factory.mktemp("asked") / "run")


def curated(texts: Path, out: Path, *overrides: str) -> Path:
    run(Recipe.parse({"name": "all", "stages": STAGES}, overrides=overrides), [texts], out, "inline", quiet=True)
    return out


@pytest.mark.parametrize(
    ("asked", "override"),
    [
        ("gopher_real_words < 80", "gopher.min_doc_words=80"),
        ("gopher_real_words < 20", "gopher.min_doc_words=20"),
        ("gopher_alpha_words < 0.75", "gopher.min_alpha_words_ratio=0.75"),
        ("language_score <= 0.8", "language.min_score=0.8"),
        ("language_score <= 0.5", "language.min_score=0.5"),
        ("char_dup_ratio: 0.05", "fineweb.max_char_dup_ratio=0.05"),
        ("char_dup_ratio: 0.02", "fineweb.max_char_dup_ratio=0.02"),
        ("line_punct_ratio: 0.05", "fineweb.min_line_punct_ratio=0.05"),
        ("too_few_sentences: 20", "c4.min_sentences=20"),
    ],
)
def test_a_rerun_is_what_was_said(asked_run: Path, texts: Path, tmp_path: Path, asked: str, override: str) -> None:
    again = curated(texts, tmp_path / "run", override)
    answer = what_if(asked_run, [asked], 20)
    assert_within_bounds(answer, again)
    assert_row_by_row(asked_run, [asked], outcomes(again), answer["exact"])
