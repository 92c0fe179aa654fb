"""Byte-level BPE tokenizers: train from word counts, encode whole Arrow batches, decode byte for byte.

    import tokenizer
    bpe = tokenizer.load("RUN/tokenizer/tokenizer.json")
    bpe.encode("some text")          list of ids
    bpe.encode_batch(arrow_array)    ids and offsets as numpy arrays

Importing this package loads nothing slow.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizer.encode import EncodedBatch, Tokenizer

__all__ = ["EncodedBatch", "Tokenizer", "load"]


def load(path: str | os.PathLike[str]) -> Tokenizer:
    """The tokenizer of a tokenizer.json (or of the folder that holds one)."""
    from tokenizer.encode import Tokenizer

    return Tokenizer(Path(path))


def __getattr__(name: str) -> Any:
    if name in ("EncodedBatch", "Tokenizer"):
        from tokenizer import encode

        return getattr(encode, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
