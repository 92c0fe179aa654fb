"""Documents and shards of a language each, from one run, the same for any split of the input."""

import json
from pathlib import Path

import polars as pl
import pytest

from pipeline import Recipe, run
from pipeline.errors import RecipeError
from shards.index import ShardIndex

TEXTS = {
    "en": "The quick brown fox jumps over the lazy dog, and number {} follows it home.",
    "de": "Wie geht es Ihnen heute, mein lieber Freund? Das ist die Nummer {} von vielen.",
    "fr": "Je ne sais pas pourquoi la reine est partie avec le numéro {} de la liste.",
}


def run_on(folder: Path, out: Path, stages: list[object], task_bytes: int = 1 << 20) -> None:
    recipe = {"name": "r", "task_bytes": task_bytes, "stages": ["jsonl", *stages]}
    run(Recipe.parse(recipe), [folder], out, executor="inline")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    texts = [text.format(number) for number in range(40) for text in TEXTS.values()]
    (folder / "lines.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    return folder


LANGUAGES: dict[str, object] = {"language": {"languages": list(TEXTS), "min_score": 0.3}}


def test_documents_of_each_language_lie_in_files_of_their_own(corpus: Path, tmp_path: Path) -> None:
    run_on(corpus, tmp_path / "run", [LANGUAGES, "exact_dedup", "split_documents"], task_bytes=4096)
    files = sorted((tmp_path / "run/by_language").iterdir())
    assert {file.name.split("-")[0] for file in files} == set(TEXTS) and len(files) > 3
    parted = pl.concat([pl.read_parquet(file) for file in files])
    for file in files:
        assert pl.read_parquet(file)["language"].unique().to_list() == [file.name.split("-")[0]]
    whole = pl.concat([pl.read_parquet(file) for file in sorted((tmp_path / "run/documents").iterdir())])
    assert len(whole) == 120 and parted.sort("text").equals(whole.sort("text"))


def test_shards_of_each_language(corpus: Path, tmp_path: Path) -> None:
    shards: dict[str, object] = {"write_shards": {"source": "language", "buckets": 1, "validation_fraction": 0}}
    run_on(corpus, tmp_path / "run", [LANGUAGES, {"train_tokenizer": {"vocab_size": 400}}, shards])
    index = ShardIndex.load(tmp_path / "run/shards")
    assert {entry.source: entry.documents for entry in index.shards} == dict.fromkeys(TEXTS, 40)


@pytest.mark.parametrize("stage", [{"split_documents": {"by": "lang"}}, {"write_shards": {"source": "lang"}}])
def test_a_column_that_nothing_gives_is_refused_with_the_plan(corpus: Path, tmp_path: Path, stage: object) -> None:
    with pytest.raises(RecipeError, match="needs a column 'lang'"):
        run_on(corpus, tmp_path / "run", [{"train_tokenizer": {"vocab_size": 400}}, stage])
