"""The commands as a user meets them: train, sample, eval, and one line for whatever is wrong."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from shards.commandline import run
from shards.writer import write_shard_set
from trainer.__main__ import app

tokenizers = pytest.importorskip("tokenizers")

TEXTS = [f"The module {name} reads {name} files and returns a list.\n" for name in ("zip", "csv", "tar")] * 30
END = "<|endoftext|>"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tokenizer/ and shards/ as a run leaves them, and model/ trained on them."""
    folder = tmp_path_factory.mktemp("run")
    reader = tokenizers.Tokenizer(tokenizers.models.BPE())
    reader.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    reader.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    reader.train_from_iterator(
        TEXTS,
        tokenizers.trainers.BpeTrainer(
            vocab_size=300, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
        ),
    )
    (folder / "tokenizer").mkdir()
    path = folder / "tokenizer" / "tokenizer.json"
    reader.save(str(path))
    for split in ("train", "val"):
        write_shard_set(
            folder / "shards",
            [reader.encode(text).ids for text in TEXTS],
            vocabulary_size=reader.get_vocab_size(),
            end_of_text=reader.token_to_id(END),
            text_bytes=[len(text.encode()) for text in TEXTS],
            tokenizer_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            split=split,
        )
    (folder / "config.yaml").write_text(
        "model: {layers: 2, width: 64, heads: 4, key_value_heads: 2, hidden: 96}\n"
        "batch: {global_batch_size: 8}\nsequence_length: 32\nmax_steps: 60\nschedule: {warmup_steps: 5}\n"
        "optimizer: {learning_rate: 5e-3}\nevaluation: {every: 60}\nprecision: fp32\n"
    )
    assert train(folder) == 0
    return folder


def train(folder: Path, *more: str) -> int:
    arguments = [
        "train",
        str(folder / "config.yaml"),
        "--shards",
        str(folder / "shards"),
        "--out",
        str(folder / "model"),
    ]
    return run(app, "trainer", [*arguments, *more])


def test_a_checkpoint_is_all_that_sampling_needs(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkpoint,) = (run_folder / "model").glob("step-*")
    copied = tmp_path / "copied"
    shutil.copytree(checkpoint, copied)
    arguments = ["sample", str(copied), "--prompt", "The module csv", "--temperature", "0"]
    assert run(app, "trainer", arguments) == 0
    text = capsys.readouterr().out
    assert text.startswith("The module csv reads csv files")
    assert END not in text
    assert run(app, "trainer", [*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert "The module csv" + answer["text"] == text[:-1]


def test_a_seed_fixes_the_text(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for seed in ("1", "1", "2"):
        options = ["--temperature", "2", "--max-tokens", "25", "--seed", seed, "--top-k", "50"]
        assert run(app, "trainer", ["sample", str(run_folder / "model"), *options]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]


def test_eval_reports_loss_and_bits_per_byte(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", str(run_folder / "model"), "--shards", str(run_folder / "shards")]
    assert run(app, "trainer", [*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["step"] == 60
    assert 0 < answer["bits_per_byte"] < 1
    assert run(app, "trainer", arguments) == 0
    assert f"{answer['bits_per_byte']:.4f} bits per byte" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sample", "{run}/nothing"], "nothing: no checkpoint here"),
        (["sample", "{run}/model", "--tokenizer", "{run}/none.json"], "none.json: no such tokenizer file"),
        (["sample", "{run}/model", "--tokenizer", "{run}/config.yaml"], "config.yaml: sha256 is"),
        (["eval", "{run}/model", "--shards", "{run}"], "no index.json"),
        (["eval", "{run}/model", "--shards", "{run}/shards", "--split", "test"], "no shard of split 'test'"),
        (
            ["train", "{run}/none.yaml", "--shards", "{run}/shards", "--out", "{run}/x"],
            "none.yaml: no such training config",
        ),
        (["train", "{run}/config.yaml", "--shards", "{run}", "--out", "{run}/x"], "no index.json"),
        (["train", "{run}/config.yaml", "--shards", "{run}/shards", "--out", "{run}/config.yaml"], "exists"),
        (["train", "{run}/config.yaml", "--out", "{run}/x"], "Missing option '--shards'"),
        (["sample", "{run}/model", "--prompt", "a\udcff"], "--prompt: character 2 is not UTF-8"),
        (["sample", "{run}/model", "--seed", str(1 << 63)], "'--seed'"),
        (["sample", "{run}/model", "--temperature", "nan"], "'--temperature'"),
        (["sample", "{run}/model", "--top-p", "nan"], "'--top-p'"),
        (
            ["train", "{run}/config.yaml", "--shards", "{run}/shards", "--out", "{run}/model", "--set", "seed=3"],
            "seed was 0, now 3",
        ),
        (
            ["train", "{run}/config.yaml", "--shards", "{run}/shards", "--out", "{run}/x", "--set", "sed=3"],
            "unknown key sed; did you mean seed?",
        ),
        (
            ["train", "{run}/config.yaml", "--shards", "{run}/shards", "--out", "{run}/x", "--set", "device=tpu"],
            "device is 'tpu'",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    run_folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [argument.replace("{run}", str(run_folder)) for argument in arguments]
    assert run(app, "trainer", filled) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert words in lines[0]


def test_tokens_of_another_tokenizer_are_refused(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shard_set(tmp_path / "s", [[1, 2]], vocabulary_size=300, end_of_text=0, split="val")
    assert run(app, "trainer", ["eval", str(run_folder / "model"), "--shards", str(tmp_path / "s")]) == 2
    assert "give shards of the same tokenizer" in capsys.readouterr().err
