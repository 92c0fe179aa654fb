"""Read and write tokenizer.json, the file format of Hugging Face `tokenizers`, for byte-level BPE.

Ids: 0 to 255 the bytes, then the merges in order, then `<|endoftext|>` last, as an added token that is not
part of the model. Equal vocabularies give equal bytes. Files of others are read too, if they hold a
byte-level BPE model and name `<|endoftext|>` as an added token.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizer.bytes_alphabet import to_bytes, to_characters
from tokenizer.errors import TokenizerError
from tokenizer.json_text import parse_json

if TYPE_CHECKING:
    from tokenizer.bpe_train import ByteMerges
    from tokenizer.pretokenize import SplitPattern

END_OF_TEXT = "<|endoftext|>"

#: Sixty times the largest vocabularies in use. The table of tokens is as long as the highest id.
_MOST_IDS = 1 << 24

_FETCH_AGAIN = "fetch or train it again"


def tokenizer_json(trained: ByteMerges, pattern: SplitPattern) -> str:
    """The text of tokenizer.json for trained merges and the pattern that cut the words."""
    characters = [to_characters(token) for token in trained.tokens]
    split = {"type": "Split", "pattern": {"Regex": pattern.regex}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": len(characters),
                "content": END_OF_TEXT,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": None,
        "decoder": {**byte_level, "add_prefix_space": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(characters)},
            "merges": [f"{characters[left]} {characters[right]}" for left, right in trained.merges],
        },
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def write_tokenizer(path: Path, trained: ByteMerges, pattern: SplitPattern) -> None:
    """Write tokenizer.json to `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(tokenizer_json(trained, pattern))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class TokenizerFile:
    """A tokenizer.json that was read and found to be byte-level BPE."""

    path: Path
    content: dict[str, Any]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> TokenizerFile:
        """Read `path`, or the tokenizer.json in it when it is a folder; TokenizerError says what is wrong."""
        if path.is_dir():
            path = path / "tokenizer.json"
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            raise TokenizerError(f"{path}: no such file; make one with `corpusmill tokenizer train`") from None
        try:
            content = parse_json(raw.removeprefix(codecs.BOM_UTF8))
        except ValueError as error:
            raise TokenizerError(f"{path}: {error}; give a tokenizer.json") from None
        _check(path, content)
        return cls(path, content, hashlib.sha256(raw).hexdigest())

    @cached_property
    def tokens(self) -> list[bytes]:
        """The bytes of every id, added tokens included (an id that nothing uses is empty)."""
        entries = {number: to_bytes(token) for token, number in self.content["model"]["vocab"].items()}
        entries |= {added["id"]: added["content"].encode() for added in self.content["added_tokens"]}
        return [entries.get(number) or b"" for number in range(max(entries) + 1)]

    @property
    def end_of_text(self) -> int:
        return next(added["id"] for added in self.content["added_tokens"] if added["content"] == END_OF_TEXT)

    def engine_json(self) -> str:
        """The file's text without added tokens: an engine that loads it takes their spelling for plain text.

        Without truncation and padding too, which some files ask for and no text would come back from.
        """
        left_out: dict[str, Any] = {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
        return json.dumps({**self.content, **left_out}, ensure_ascii=False)


def _check(path: Path, content: Any) -> None:
    model = content.get("model") if isinstance(content, dict) else None
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE" or "merges" not in model:
        raise TokenizerError(f"{path}: not a BPE tokenizer.json; byte-level BPE is what is read here")
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict):
        raise TokenizerError(f"{path}: model.vocab is missing or not an object; {_FETCH_AGAIN}")
    if model.get("byte_fallback") or any(to_characters(bytes([byte])) not in vocabulary for byte in range(256)):
        raise TokenizerError(f"{path}: the vocabulary lacks some of the 256 bytes, so not every text can be encoded")
    if content.get("normalizer"):
        raise TokenizerError(f"{path}: has a normalizer, so decoding would not give the text back; remove it")
    if _adds_prefix_space(content.get("pre_tokenizer")):
        raise TokenizerError(
            f"{path}: the pre_tokenizer has add_prefix_space, so decoding would not give the text back; set it to false"
        )
    _check_ids(path, vocabulary, _added_tokens(path, content))


def _adds_prefix_space(pre_tokenizer: Any) -> bool:
    if not isinstance(pre_tokenizer, dict):
        return False
    steps = pre_tokenizer.get("pretokenizers")
    return bool(pre_tokenizer.get("add_prefix_space")) or (
        isinstance(steps, list) and any(map(_adds_prefix_space, steps))
    )


def _added_tokens(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Ids of the added tokens by their text."""
    added_tokens = content.get("added_tokens") or []
    if not isinstance(added_tokens, list):
        raise TokenizerError(f"{path}: added_tokens is not a list; {_FETCH_AGAIN}")
    for number, added in enumerate(added_tokens):
        if not isinstance(added, dict) or not isinstance(added.get("content"), str) or "id" not in added:
            raise TokenizerError(f"{path}: added_tokens[{number}] has no content or no id; {_FETCH_AGAIN}")
    ids = {added["content"]: added["id"] for added in added_tokens}
    if END_OF_TEXT not in ids:
        raise TokenizerError(f"{path}: added_tokens has no {END_OF_TEXT}, which ends every document; add it")
    return ids


def _check_ids(path: Path, vocabulary: dict[str, Any], added: dict[str, Any]) -> None:
    """Ids are whole numbers in bounds, and none stands for two tokens, one of which could not be decoded."""
    token_of: dict[int, str] = {}
    for token, number in (*vocabulary.items(), *added.items()):
        if type(number) is not int or not 0 <= number < _MOST_IDS:
            raise TokenizerError(f"{path}: id {number!r} of {token!r} is not within 0..{_MOST_IDS - 1}; {_FETCH_AGAIN}")
        if token_of.setdefault(number, token) != token:
            raise TokenizerError(f"{path}: {token_of[number]!r} and {token!r} share the id {number}; {_FETCH_AGAIN}")
