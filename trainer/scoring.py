"""Bits per byte of texts by a checkpoint: how well the model predicts documents it is shown one by one.

A document is scored as in training: after end-of-text, in windows of the model's sequence length with no context
beyond them. Its first token is predicted too, the end-of-text after it is not. The bits of its tokens are divided by
the UTF-8 bytes that these tokens stand for. Text never yields special ids. Each document's windows go through the model
by themselves, on one thread, so that a score is the same whatever else is scored. Cost: one forward pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

import tokenizer
from trainer.checkpoint import MODEL_NAME, STATE_NAME, find_checkpoint, load_model
from trainer.errors import TrainerError
from trainer.precision import choose_device
from trainer.text import TOKENIZER_NAME, require_tokenizer

if TYPE_CHECKING:
    import pyarrow as pa

#: Windows that go through the model at once; a long document's activations stay small.
_WINDOWS = 8


class CheckpointScorer:
    """The model and tokenizer of one checkpoint folder, ready to score."""

    def __init__(self, checkpoint: Path, device: str) -> None:
        self._device = choose_device(device)
        self._model, state = load_model(checkpoint, self._device)
        self._tokenizer = tokenizer.load(require_tokenizer(checkpoint, None))
        self._length = state.train_config().sequence_length
        self._end_of_text = state.end_of_text

    @staticmethod
    def files(checkpoint: Path) -> dict[str, Path]:
        """The files that scores depend on; TrainerError where `checkpoint` is not the folder of one checkpoint."""
        if not (checkpoint / STATE_NAME).is_file():
            newest = find_checkpoint(checkpoint)
            raise TrainerError(f"{checkpoint}: holds several checkpoints over time; name one, such as {newest}")
        return {
            STATE_NAME: checkpoint / STATE_NAME,
            MODEL_NAME: checkpoint / MODEL_NAME,
            TOKENIZER_NAME: require_tokenizer(checkpoint, None),
        }

    def bits_per_byte(self, texts: pa.Array, max_tokens: int) -> np.ndarray:
        """float64, one a text (string or large_string, none null): of its first tokens; NaN for an empty text."""
        encoded = self._tokenizer.encode_batch(texts)
        scores = np.full(len(texts), np.nan)
        with torch.no_grad(), _one_thread():
            for row in range(len(texts)):
                start, end = encoded.offsets[row], encoded.offsets[row + 1]
                tokens = encoded.ids[start : min(end, start + max_tokens)].astype(np.int64)
                if len(tokens):
                    size = len(self._tokenizer.decode_bytes(tokens.tolist()))
                    scores[row] = self._nats(tokens) / math.log(2) / size
        return scores

    def _nats(self, tokens: np.ndarray) -> float:
        """Summed cross-entropy of a document's tokens, the first of them after end-of-text."""
        sequence = torch.from_numpy(np.insert(tokens, 0, self._end_of_text)).to(self._device)
        whole = len(tokens) // self._length * self._length
        windows: list[torch.Tensor] = []
        if whole:
            windows += sequence[: whole + 1].unfold(0, self._length + 1, self._length).split(_WINDOWS)
        if whole < len(tokens):
            windows.append(sequence[None, whole:])
        return sum(self._model.loss(part).item() for part in windows)


@contextmanager
def _one_thread() -> Iterator[None]:
    """More threads cut sums differently, which shows in their last digits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
