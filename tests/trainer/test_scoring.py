"""Bits per byte of texts by a checkpoint: the model's own probabilities, whatever else is scored, and as a stage."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

import tokenizer
from pipeline import Recipe, run
from stages.base import StageError
from stages.perplexity import PerplexityFilter
from tests.trainer.conftest import small_config
from trainer.checkpoint import checkpoints, load_model
from trainer.errors import TrainerError
from trainer.loop import TorchTrainer
from trainer.scoring import CheckpointScorer

CPU = torch.device("cpu")


def sentence(chooser: random.Random) -> str:
    things = ["cat", "dog", "reine", "garden", "house"]
    return (
        f"The {chooser.choice(things)} sat by the {chooser.choice(things)} and looked at the {chooser.choice(things)}."
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chooser = random.Random(1)
    lines = [" ".join(sentence(chooser) for _ in range(chooser.randint(1, 8))) for _ in range(200)]
    path = tmp_path_factory.mktemp("corpus") / "lines.jsonl"
    path.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines), "utf-8")
    return path


@pytest.fixture(scope="module")
def checkpoint(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a recipe's own shards, trained until it knows what sentences look like."""
    out = tmp_path_factory.mktemp("run")
    shards = {"write_shards": {"buckets": 1, "validation_fraction": 0.1}}
    stages = ["jsonl", {"train_tokenizer": {"vocab_size": 300}}, shards]
    run(Recipe.parse({"name": "r", "stages": stages}), [corpus], out, executor="inline")
    config = small_config(max_steps=30, evaluation={"every": 30}, checkpoint={"every": 30})
    TorchTrainer().fit(out / "shards", config, out / "model")
    return checkpoints(out / "model")[-1]


TEXTS = [
    "The cat sat by the house and looked at the dog.",
    "The dog",
    "",
    "x",
    "語 and <|endoftext|> are bytes",
    " ".join(sentence(random.Random(seed)) for seed in range(9)),
]


def step_by_step(checkpoint: Path, text: str, max_tokens: int = 10**9) -> float:
    """The definition: each token's probability after the window's tokens before it, one forward pass for each."""
    model, state = load_model(checkpoint, CPU)
    bpe = tokenizer.load(checkpoint / "tokenizer.json")
    tokens = bpe.encode(text)[:max_tokens]
    sequence = [state.end_of_text, *tokens]
    length = state.train_config().sequence_length
    bits = 0.0
    with torch.no_grad():
        for place in range(1, len(sequence)):
            start = (place - 1) // length * length
            logits = model(torch.tensor([sequence[start:place]]))[0, -1].double()
            bits -= float(torch.log_softmax(logits, 0)[sequence[place]]) / math.log(2)
    return bits / len(bpe.decode_bytes(tokens)) if tokens else math.nan


@pytest.mark.parametrize("max_tokens", [7, 16, 17, 1000])
def test_bits_are_those_of_the_models_probabilities(checkpoint: Path, max_tokens: int) -> None:
    found = CheckpointScorer(checkpoint, "cpu").bits_per_byte(pa.array(TEXTS), max_tokens)
    expected = [step_by_step(checkpoint, text, max_tokens) for text in TEXTS]
    assert found == pytest.approx(np.array(expected), rel=1e-5, nan_ok=True)
    assert found[0] < found[3]


def test_a_score_is_the_same_bits_whatever_else_is_scored(checkpoint: Path) -> None:
    scorer = CheckpointScorer(checkpoint, "cpu")
    whole = scorer.bits_per_byte(pa.array(TEXTS), 1000)
    alone = [scorer.bits_per_byte(pa.array([text]), 1000)[0] for text in TEXTS]
    assert whole.tobytes() == np.array(alone).tobytes()


def test_strange_and_plain_documents_are_dropped_by_a_recipe(checkpoint: Path, tmp_path: Path) -> None:
    lines = tmp_path / "mixed.jsonl"
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in [*TEXTS, "zzqx jk vv %% 77"]), "utf-8")
    limits = {"checkpoint": str(checkpoint), "max_bits_per_byte": 3.0, "min_bits_per_byte": 0.01}
    recipe = Recipe.parse({"name": "r", "stages": ["jsonl", {"perplexity": limits}]})
    result = run(recipe, [lines], tmp_path / "run", executor="inline")
    table = PerplexityFilter(**limits).apply(pa.table({"text": [*TEXTS, "zzqx jk vv %% 77"]}))
    rules = table.column("rule").to_pylist()
    assert rules[0] is None and rules[2] is None and rules[-1] == "perplexity_high"
    assert result.totals.rules == {"perplexity_high": rules.count("perplexity_high")}


def test_a_checkpoint_is_named_exactly(checkpoint: Path, tmp_path: Path) -> None:
    stage = PerplexityFilter(checkpoint=checkpoint)
    assert sorted(stage.assets()) == ["checkpoint.json", "model.safetensors", "tokenizer.json"]
    with pytest.raises(TrainerError, match=f"name one, such as .*{checkpoint.name}"):
        PerplexityFilter(checkpoint=checkpoint.parent).assets()
    with pytest.raises(TrainerError, match="no checkpoint here"):
        PerplexityFilter(checkpoint=tmp_path).assets()
    with pytest.raises(StageError, match="scorer nowhere:Scorer cannot be loaded"):
        PerplexityFilter(checkpoint=checkpoint, scorer="nowhere:Scorer").assets()
