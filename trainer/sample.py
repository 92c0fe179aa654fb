"""Continue a prompt token by token, with a cache of keys and values: one position of work for each token.

The logits are divided by the temperature, cut to the `top_k` likeliest, then to the smallest set whose
probability reaches `top_p` (Holtzman et al. 2019, arXiv 1904.09751), and drawn from with a generator of its
own, so a seed fixes the text. Temperature 0 takes the likeliest. When the trained context is full, its
newer half is fed again and generation goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.model import Cache, Transformer


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. `top_k` 0 and `top_p` 1 leave every token in."""

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 200
    seed: int = 0


@torch.no_grad()
def generate(
    model: Transformer, prompt: list[int], sampling: Sampling, *, end_of_text: int, context: int
) -> Iterator[int]:
    """Yield at most `max_tokens` ids that follow `prompt`, ending before `end_of_text`.

    A document begins after an end-of-text token, so one is put before the prompt. `context` is the most
    positions the model attends to, its sequence length in training.
    """
    device = model.embedding.weight.device
    generator = torch.Generator().manual_seed(sampling.seed)
    context = max(context, 2)
    sequence = [end_of_text, *prompt]
    cache: Cache | None = None
    for _ in range(sampling.max_tokens):
        if cache is None or cache.length == cache.capacity:
            fed = sequence if len(sequence) < context else sequence[-(context // 2) :]
            cache = Cache(model, 1, context)
        else:
            fed = sequence[-1:]
        logits = model(torch.tensor([fed], device=device), cache)[0, -1].float().cpu()
        token = choose(logits, sampling, generator)
        if token == end_of_text:
            return
        sequence.append(token)
        yield token


def choose(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """The next token id from logits (vocabulary,) float32."""
    if sampling.temperature == 0:
        return int(logits.argmax())
    # The likeliest token at 0 and no denormal divisor: any temperature above 0 leaves numbers.
    logits = (logits - logits.max()) / max(sampling.temperature, torch.finfo(logits.dtype).tiny)
    if 0 < sampling.top_k < len(logits):
        logits = logits.masked_fill(logits < logits.topk(sampling.top_k).values[-1], float("-inf"))
    probabilities, tokens = logits.softmax(dim=-1).sort(descending=True, stable=True)
    if sampling.top_p < 1:
        # A token stays while those before it have not reached top_p; the first always does.
        reached = probabilities.cumsum(dim=-1)[:-1] >= sampling.top_p
        probabilities[1:].masked_fill_(reached, 0.0)
    return int(tokens[torch.multinomial(probabilities, 1, generator=generator)])
