"""index.json of a shard set: what each shard holds, and the checksums that let anybody prove it.

A shard set is a folder with `index.json` and one Arrow file a shard (shards/writer.py). The index names the
tokenizer by sha256, so that a trainer can refuse tokens of another one, and gives two checksums a shard:
`sha256` of the file, and `tokens_sha256` of its tokens and document lengths alone, which is the same
however the documents were split over tasks.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from shards.errors import ShardError

FORMAT_VERSION = 1
INDEX_NAME = "index.json"
#: The name under which `special_ids` holds the id that ends every document.
END_OF_TEXT = "<|endoftext|>"

_DTYPES = ("uint16", "uint32")


def token_dtype(vocabulary_size: int) -> str:
    """The narrowest dtype that holds every id of a vocabulary: uint16 up to 65,536 entries, else uint32."""
    if not 0 < vocabulary_size <= 1 << 32:
        raise ShardError(f"vocabulary of {vocabulary_size} entries: must be between 1 and 2^32")
    return "uint16" if vocabulary_size <= 1 << 16 else "uint32"


@dataclass(frozen=True)
class ShardEntry:
    """One shard: documents of one source and one split. `text_bytes` is their text's UTF-8 length."""

    file: str
    split: str
    source: str
    tokens: int
    documents: int
    text_bytes: int
    sha256: str
    tokens_sha256: str


@dataclass(frozen=True)
class ShardIndex:
    """The whole of index.json; shards in the order in which every reader sees them."""

    vocabulary_size: int
    special_ids: dict[str, int]
    tokenizer_sha256: str
    recipe_fingerprint: str
    shards: tuple[ShardEntry, ...]
    dtype: str = "uint16"
    format_version: int = FORMAT_VERSION

    @classmethod
    def build(
        cls,
        entries: Iterable[ShardEntry],
        *,
        vocabulary_size: int,
        special_ids: dict[str, int],
        tokenizer_sha256: str,
        recipe_fingerprint: str = "",
    ) -> ShardIndex:
        """The index of freshly written shards, in file-name order."""
        return cls(
            vocabulary_size=vocabulary_size,
            special_ids=special_ids,
            tokenizer_sha256=tokenizer_sha256,
            recipe_fingerprint=recipe_fingerprint,
            shards=tuple(sorted(entries, key=lambda entry: entry.file)),
            dtype=token_dtype(vocabulary_size),
        )

    @property
    def end_of_text(self) -> int:
        """The id that ends every document."""
        return self.special_ids[END_OF_TEXT]

    @property
    def digest(self) -> str:
        """sha256 that names the tokens of the set: vocabulary, tokenizer and every shard's tokens, in order.

        Equal tokens give an equal digest, whichever tasks wrote them and whatever their files are called.
        """
        shards = [[entry.split, entry.source, entry.tokens_sha256] for entry in self.shards]
        content = [self.dtype, self.vocabulary_size, self.special_ids, self.tokenizer_sha256, shards]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def splits(self) -> list[str]:
        return sorted({entry.split for entry in self.shards})

    def save(self, folder: Path) -> None:
        """Write `index.json` atomically; equal indexes give equal bytes."""
        target = folder / INDEX_NAME
        temporary = target.with_name(f".tmp-{os.getpid()}-{INDEX_NAME}")
        try:
            with temporary.open("w", encoding="utf-8") as stream:
                json.dump(asdict(self), stream, indent=1, sort_keys=True, ensure_ascii=False)
                stream.write("\n")
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path) -> ShardIndex:
        """Read and check `folder/index.json`; every fault is one ShardError that names the key."""
        path = folder / INDEX_NAME
        try:
            content = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise ShardError(f"{folder}: no {INDEX_NAME}; give the folder that holds the shards (RUN/shards)") from None
        except ValueError as error:
            raise ShardError(f"{path}: not JSON ({error}); write the shards again") from None
        return _parse_index(path, content)


def _parse_index(path: Path, content: Any) -> ShardIndex:
    if not isinstance(content, dict):
        raise ShardError(f"{path}: not a shard index; write the shards again")
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        raise ShardError(f"{path}: format_version {version!r}; this version reads {FORMAT_VERSION}")
    values = _typed_fields(path, "", ShardIndex, content)
    if values["dtype"] not in _DTYPES:
        raise ShardError(f"{path}: dtype {values['dtype']!r}; must be one of {', '.join(_DTYPES)}")
    if not isinstance(values["special_ids"].get(END_OF_TEXT), int):
        raise ShardError(f"{path}: special_ids has no {END_OF_TEXT}; write the shards again")
    entries = []
    for number, shard in enumerate(values["shards"]):
        if not isinstance(shard, dict):
            raise ShardError(f"{path}: shards[{number}] is not an object; write the shards again")
        entry = ShardEntry(**_typed_fields(path, f"shards[{number}].", ShardEntry, shard))
        if Path(entry.file).name != entry.file:
            raise ShardError(f"{path}: shards[{number}].file {entry.file!r} must be a plain file name")
        entries.append(entry)
    return ShardIndex(**{**values, "shards": tuple(entries)})


_FIELD_TYPES = {"int": int, "str": str, "dict[str, int]": dict, "tuple[ShardEntry, ...]": list}


def _typed_fields(path: Path, prefix: str, kind: type, content: dict[str, Any]) -> dict[str, Any]:
    """The fields of dataclass `kind` from a JSON object, each present and of its type."""
    values = {}
    for field in fields(kind):
        expected = _FIELD_TYPES[str(field.type)]
        value = content.get(field.name)
        if not isinstance(value, expected) or isinstance(value, bool):
            raise ShardError(
                f"{path}: {prefix}{field.name} is missing or not {expected.__name__}; write the shards again"
            )
        values[field.name] = value
    return values
