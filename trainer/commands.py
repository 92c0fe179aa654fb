"""The commands train, sample and eval, mounted by `corpusmill` and by `python -m trainer`."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shards.commandline import local_path
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from tokenizer import Tokenizer

_Tokenizer = Annotated[
    Path | None,
    typer.Option("--tokenizer", metavar="FILE", help="tokenizer.json, where it is not in its usual place."),
]


def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A training config in YAML, or the name of a shipped one.")
    ],
    shards: Annotated[
        Path, typer.Option("--shards", metavar="DIR", parser=local_path, help="The folder that holds index.json.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", parser=local_path, help="Checkpoints and log go here.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the config; may be repeated."),
    ] = None,
    tokenizer: _Tokenizer = None,
) -> None:
    """Train a model on token shards; run again, it goes on where it stopped.

    SIGTERM or Ctrl-C stop at the next batch with a checkpoint of the last whole step; again, at once.

    Example: corpusmill train train-small --shards RUN/shards --out RUN/model --set max_steps=500
    """
    from trainer.config import load_config
    from trainer.loop import TorchTrainer

    loaded = load_config(config, settings or [])
    print(TorchTrainer().fit(shards, loaded, out, tokenizer=tokenizer))


def sample(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CKPT", parser=local_path, help="A checkpoint, or the --out folder of a training.")
    ],
    prompt: Annotated[str, typer.Option(help="Text to continue; without it a new document begins.")] = "",
    temperature: Annotated[float, typer.Option(min=0.0, help="0 always takes the likeliest token.")] = 0.8,
    top_k: Annotated[int, typer.Option(min=0, help="Choose among so many tokens only; 0: all.")] = 0,
    top_p: Annotated[float, typer.Option(min=0.0, max=1.0, help="Choose within this probability.")] = 0.95,
    max_tokens: Annotated[int, typer.Option(min=1, help="Stop after so many tokens.")] = 200,
    seed: Annotated[int, typer.Option(min=0, max=(1 << 63) - 1, help="The same seed gives the same text.")] = 0,
    tokenizer: _Tokenizer = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Let a trained model continue a prompt, until <|endoftext|> or the last token allowed.

    Example: corpusmill sample RUN/model --prompt "The module" --temperature 0.7 --top-k 50
    """
    from tokenizer import load as load_tokenizer
    from trainer.checkpoint import find_checkpoint, load_model
    from trainer.precision import choose_device
    from trainer.sample import Sampling, generate
    from trainer.text import require_tokenizer

    _require_text(prompt)
    found = find_checkpoint(checkpoint)
    reader = load_tokenizer(require_tokenizer(found, tokenizer))
    model, state = load_model(found, choose_device("auto"))
    sampling = Sampling(temperature, top_k, top_p, max_tokens, seed)
    context = state.train_config().sequence_length
    ids = generate(model, reader.encode(prompt), sampling, end_of_text=state.end_of_text, context=context)
    if as_json:
        tokens = list(ids)
        print(json.dumps({"prompt": prompt, "text": reader.decode(tokens), "tokens": tokens}))
        return
    sys.stdout.write(prompt)
    for piece in _pieces(ids, reader):
        sys.stdout.write(piece)
        sys.stdout.flush()
    print()


def _require_text(prompt: str) -> None:
    """Refuse bytes that the shell passed on though they are no UTF-8."""
    try:
        prompt.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TrainerError(f"--prompt: character {error.start + 1} is not UTF-8; give the prompt as UTF-8") from None


def _pieces(ids: Iterator[int], tokenizer: Tokenizer) -> Iterator[str]:
    """Text as it becomes certain: bytes of a character that is not complete yet are held back."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for token in ids:
        yield decoder.decode(tokenizer.decode_bytes([token]))
    yield decoder.decode(b"", final=True)


def evaluate(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CKPT", parser=local_path, help="A checkpoint, or the --out folder of a training.")
    ],
    shards: Annotated[
        Path, typer.Option("--shards", metavar="DIR", parser=local_path, help="The folder that holds index.json.")
    ],
    split: Annotated[str, typer.Option(help="Which split of the shards.")] = "val",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Validation loss (nats a token) and bits per byte over every token of a split.

    Example: corpusmill eval RUN/model --shards RUN/shards --json
    """
    from trainer.checkpoint import find_checkpoint, load_model, require_same_tokenizer
    from trainer.data import open_shards
    from trainer.evaluate import evaluate as measure
    from trainer.precision import choose_device, choose_precision

    found = find_checkpoint(checkpoint)
    shard_set = open_shards(shards)
    device = choose_device("auto")
    model, state = load_model(found, device)
    require_same_tokenizer(found, state, shard_set.index, shards)
    config = state.train_config()
    result = measure(
        model,
        shard_set.of_split(split),
        config.sequence_length,
        batch_size=config.batch.micro_batch_size or config.batch.global_batch_size,
        precision=choose_precision(config.precision, device),
    )
    if as_json:
        print(json.dumps({"checkpoint": str(found), "step": state.step, "split": split, **asdict(result)}))
        return
    for name, part in [*result.sources.items(), ("all", result)]:
        bits = "no text bytes" if part.bits_per_byte is None else f"{part.bits_per_byte:.4f} bits per byte"
        print(f"{name}: loss {part.loss:.4f} nats a token, {bits}, {part.tokens:,} tokens")
