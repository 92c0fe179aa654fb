"""Which tokenizer.json belongs to a shard set; its sha256 ties tokens, checkpoints and samples together."""

from __future__ import annotations

import hashlib
from pathlib import Path

from trainer.errors import TrainerError

TOKENIZER_NAME = "tokenizer.json"


def find_tokenizer(shards: Path, given: Path | None, sha256: str) -> Path | None:
    """The tokenizer.json of a shard set: the one given, else RUN/tokenizer/tokenizer.json beside it.

    Refuses one whose sha256 is not what the shard index names. None where there is none to be found.
    """
    path = given or shards.resolve().parent / "tokenizer" / TOKENIZER_NAME
    if not path.is_file():
        if given:
            raise TrainerError(f"{given}: no such tokenizer file")
        return None
    _require_sha256(path, sha256, "the shards were written")
    return path


def require_tokenizer(checkpoint: Path, given: Path | None) -> Path:
    """The tokenizer.json to sample with: the one given (of the same sha256), else the checkpoint's copy."""
    from trainer.checkpoint import read_state

    path = given or checkpoint / TOKENIZER_NAME
    if not path.is_file():
        reason = "no such tokenizer file" if given else "holds no tokenizer.json; name one with --tokenizer"
        raise TrainerError(f"{given or checkpoint}: {reason}")
    _require_sha256(path, read_state(checkpoint).tokenizer_sha256, f"{checkpoint.name} was trained")
    return path


def _require_sha256(path: Path, sha256: str, purpose: str) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 and found != sha256:
        raise TrainerError(
            f"{path}: sha256 is {found[:12]}… but {purpose} with {sha256[:12]}…; name the right file with --tokenizer"
        )
