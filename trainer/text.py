"""The tokenizer behind a checkpoint: the one place in the trainer where text and token ids meet."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from trainer.errors import TrainerError

TOKENIZER_NAME = "tokenizer.json"


class Tokenizer(Protocol):
    """What sampling needs of a tokenizer; the text of a special token encodes as ordinary text."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, ids: list[int]) -> str: ...


class _TokenizersFile:
    """A tokenizer.json read by the `tokenizers` library."""

    def __init__(self, path: Path) -> None:
        import tokenizers

        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise TrainerError(f"{path}: not a tokenizer.json that can be read: {reason}") from None
        self._tokenizer.encode_special_tokens = True

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))


def load_tokenizer(path: Path) -> Tokenizer:
    if not path.is_file():
        raise TrainerError(f"{path}: no such tokenizer file; name one with --tokenizer")
    return _TokenizersFile(path)


def find_tokenizer(shards: Path, given: Path | None, sha256: str) -> Path | None:
    """The tokenizer.json of a shard set: the one given, else RUN/tokenizer/tokenizer.json beside it.

    Refuses one whose sha256 is not what the shard index names. None where there is none to be found.
    """
    path = given or shards.resolve().parent / "tokenizer" / TOKENIZER_NAME
    if not path.is_file():
        if given:
            raise TrainerError(f"{given}: no such tokenizer file")
        return None
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 and found != sha256:
        raise TrainerError(
            f"{path}: sha256 {found[:12]}… but the shards were written with {sha256[:12]}…; "
            "name the right file with --tokenizer"
        )
    return path
