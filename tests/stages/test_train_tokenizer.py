"""The stage trains what one pass over the whole corpus would, whatever the tasks."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import tokenizer
from pipeline import Recipe, run
from pipeline.workspace import Workspace

LINES = [
    f"{'the dog' if number % 3 else 'naïve cats'} ran {number * number} times, don't they? {'=' * (number % 11)}"
    for number in range(2000)
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for part in range(3):
        (folder / f"part-{part}.txt").write_text("\n".join(LINES[part::3]) + "\n")
    return folder


def trained(corpus: Path, out: Path, task_bytes: int, **parameters: object) -> Path:
    stages = ["tests.pipeline.line_stages:Lines", {"train_tokenizer": parameters}]
    run(Recipe.parse({"name": "train", "task_bytes": task_bytes, "stages": stages}), [corpus], out, executor="inline")
    return out / "tokenizer" / "tokenizer.json"


def test_file_is_the_same_for_any_tasks_and_has_the_merges_of_tokenizers(corpus: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, trainers

    small = trained(corpus, tmp_path / "small", 4096, vocab_size=400)
    large = trained(corpus, tmp_path / "large", 1_000_000, vocab_size=400)
    assert len(list((tmp_path / "small" / "documents").iterdir())) > 16
    assert small.read_bytes() == large.read_bytes()

    bpe = Tokenizer.from_file(str(small))
    merges = json.loads(bpe.to_str())["model"]["merges"]
    alphabet = sorted(bpe.get_vocab(with_added_tokens=False), key=lambda token: bpe.token_to_id(token))[:256]
    texts = [
        text
        for path in (tmp_path / "small" / "documents").iterdir()
        for text in pq.read_table(path)["text"].to_pylist()
    ]
    assert sorted(texts) == sorted(LINES)
    bpe.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=399, show_progress=False, initial_alphabet=alphabet))
    assert json.loads(bpe.to_str())["model"]["merges"] == merges


def test_pattern_and_size_are_those_asked_for(corpus: Path, tmp_path: Path) -> None:
    bpe = tokenizer.load(trained(corpus, tmp_path, 5000, vocab_size=280, pattern="qwen2"))
    assert bpe.vocabulary_size == 280
    assert [bpe.decode([token]) for token in bpe.encode("1764")] == ["1", "7", "6", "4"]


def test_a_fraction_of_the_documents_is_the_same_for_any_tasks_and_a_smaller_text(corpus: Path, tmp_path: Path) -> None:
    small = trained(corpus, tmp_path / "small", 4096, vocab_size=300, fraction=0.2)
    large = trained(corpus, tmp_path / "large", 1_000_000, vocab_size=300, fraction=0.2)
    assert small.read_bytes() == large.read_bytes()
    counted = []
    for fraction in (1.0, 0.2):
        trained(corpus, tmp_path / str(fraction), 1_000_000, vocab_size=300, fraction=fraction)
        workspace = Workspace(tmp_path / str(fraction))
        manifests = workspace.manifests(workspace.load_plan().phase("train_tokenizer.count"))
        counted.append(sum(manifest.counters["text_bytes"] for manifest in manifests))
    assert 0.15 * counted[0] < counted[1] < 0.25 * counted[0]


def test_a_corpus_without_text_still_gives_a_tokenizer_of_bytes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.txt").write_text("bad line\n")
    bpe = tokenizer.load(trained(tmp_path / "in", tmp_path / "out", 5000))
    assert bpe.vocabulary_size == 257
    assert bpe.decode(bpe.encode("é")) == "é"
