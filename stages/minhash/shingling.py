"""What a text is compared by: how it is normalised, what it is cut into, and how long a shingle is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import numpy as np


class Shingling(BaseModel):
    """The shingles of a text are all runs of `width` neighbouring units of its normalised form, as a set.

    A text of fewer units is one shingle as a whole: it equals only texts of the same units. A text without
    units has no shingles.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    normalize: Literal["delete_punctuation", "datatrove", "raw"] = Field(
        default="delete_punctuation",
        description="delete_punctuation: lower case, characters of the categories P* deleted; datatrove: lower case, "
        "numbers to 0, punctuation to blanks, accents and other marks deleted; raw: as it stands. By all, a run of "
        "white space is one blank.",
    )
    unit: Literal["auto", "words", "characters", "tokens"] = Field(
        default="auto",
        description="What shingles are made of. words: what stands between blanks; characters: blanks count too; "
        "tokens: those of `tokenizer`; auto: words, but every character of a script that puts no blanks between "
        "words (Han, Kana, Thai, Lao, Myanmar, Khmer, Tibetan) is a unit of its own.",
    )
    width: int = Field(
        default=5, ge=1, le=1024, description="Units in a shingle; a shorter text is one shingle as a whole."
    )
    tokenizer: Path | None = Field(
        default=None, description="For tokens: a tokenizer.json, or the folder that holds one."
    )

    compat: Literal["datatrove"] | None = Field(
        default=None,
        description="datatrove: the same signatures as datatrove 0.10 for English with 64-bit hashes; its "
        "normalisation, words, hashes and permutations, and no signature for texts shorter than a shingle.",
    )
    hash: Literal["ours", "xxh64", "sha1"] = Field(
        default="ours",
        description="How a shingle is hashed. xxh64 (with compat unless given) and sha1 (FineWeb's) need compat.",
    )

    def has_shingles(self, units: np.ndarray) -> np.ndarray:
        """Whether texts of so many units have shingles, and so a signature."""
        return units >= (self.width if self.compat else 1)

    @model_validator(mode="before")
    @classmethod
    def _compat_implies(cls, values: Any) -> Any:
        """Fill in what compat implies; refuse what contradicts it."""
        if not isinstance(values, dict):
            return values
        if not values.get("compat"):
            if values.get("hash", "ours") != "ours":
                raise ValueError(f"hash: {values['hash']} needs compat: datatrove; give it or leave hash out")
            return values
        for name, implied in (("normalize", "datatrove"), ("unit", "words")):
            if values.get(name, implied) != implied:
                raise ValueError(f"compat: datatrove means {name}: {implied}; leave {name} out")
            values = {**values, name: implied}
        if values.get("hash") == "ours":
            raise ValueError("compat: datatrove means hash: xxh64 or sha1; leave hash out")
        return {"hash": "xxh64", **values}

    @model_validator(mode="after")
    def _tokens_need_a_tokenizer(self) -> Shingling:
        if (self.unit == "tokens") != (self.tokenizer is not None):
            raise ValueError("unit: tokens and tokenizer: PATH go together; give both or neither")
        return self
