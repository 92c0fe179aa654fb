"""One training step on real tokens, one thread: ours against Hugging Face's Llama of the same shape.

    python -m benchmarks.train_step --in RUN/shards [--precision bf16] [--runs 5] [--json]

6 layers of 384, 6 heads, feed-forward 1,024, batch 8 x 256: forward, backward, clipping and fused AdamW,
loading the windows included. `documents` are windows, `bytes` the text behind their tokens. The peer runs
where the peers' environment has torch and transformers, and is left out with a word where it has not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.paired import compare, measure, peers_python, show
from shards.reader import ShardSet
from trainer.loader import load_windows
from trainer.order import SampleOrder

LAYERS, WIDTH, HEADS, HIDDEN = 6, 384, 6, 1024
BATCH, LENGTH = 8, 256


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.train_step", description="Training steps a second.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="folder with index.json")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        run_side(options.path, options.side, options.precision)
        return

    def command(python: str, side: str) -> list[str]:
        place = ["--in", str(options.path.resolve()), "--precision", options.precision]
        return [python, "-m", "benchmarks.train_step", *place, "--side", side]

    peers = {}
    python = peers_python() or sys.executable
    if subprocess.run([python, "-c", "import torch, transformers"], capture_output=True).returncode == 0:
        peers["transformers"] = command(python, "transformers")
    else:
        print("transformers is left out: the peers' environment lacks it or torch", file=sys.stderr)
    report = compare("train_step", command(sys.executable, "ours"), peers, options.runs)
    for rates in (report["ours"], *report["peers"].values()):
        rates["tokens_per_second"] = round(rates["documents_per_second"] * LENGTH, 1)
    show(report, options.json)
    if not options.json:
        for side, rates in {"ours": report["ours"], **report["peers"]}.items():
            print(f"  {side:12} {rates['tokens_per_second']:,.0f} tokens/s")


def run_side(folder: Path, side: str, precision: str) -> None:
    """Warm up, then repeat the step for a few seconds and print what `compare` reads."""
    shards = ShardSet.open(folder)
    train = shards.of_split("train")
    order = SampleOrder(train, LENGTH, 0, {})
    model, loss = SIDES[side](shards.index.vocabulary_size)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    samples = 0

    def step() -> None:
        nonlocal samples
        windows = load_windows(order, samples, BATCH)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss(windows).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        samples += BATCH

    for _ in range(2):
        step()
    bytes_per_token = sum(s.entry.text_bytes for s in train) / sum(s.entry.tokens for s in train)
    measure(step, BATCH, round(BATCH * LENGTH * bytes_per_token), at_least=5.0)


def _ours(vocabulary_size: int) -> tuple[Any, Callable[[torch.Tensor], torch.Tensor]]:
    from trainer.config import ModelShape
    from trainer.model import Transformer

    shape = ModelShape(layers=LAYERS, width=WIDTH, heads=HEADS, key_value_heads=HEADS, hidden=HIDDEN)
    model = Transformer(shape, vocabulary_size)
    model.initialise(0)
    return model, lambda windows: model.loss(windows) / (BATCH * LENGTH)


def _transformers(vocabulary_size: int) -> tuple[Any, Callable[[torch.Tensor], torch.Tensor]]:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=WIDTH,
        intermediate_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
        use_cache=False,
    )
    model = LlamaForCausalLM(config)

    def loss(windows: torch.Tensor) -> torch.Tensor:
        logits = model(windows[:, :-1]).logits.flatten(0, 1).float()
        return torch.nn.functional.cross_entropy(logits, windows[:, 1:].flatten())

    return model, loss


SIDES: dict[str, Callable[[int], tuple[Any, Callable[[torch.Tensor], torch.Tensor]]]] = {
    "ours": _ours,
    "transformers": _transformers,
}

if __name__ == "__main__":
    main()
