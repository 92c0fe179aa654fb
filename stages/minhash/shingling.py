"""What a text is compared by: how it is normalised, what it is cut into, and how long a shingle is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Shingling(BaseModel):
    """The shingles of a text are all runs of `width` neighbouring units of its normalised form, as a set.

    A text of fewer units is one shingle as a whole: it equals only texts of the same units. A text without
    units has no shingles.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    normalize: Literal["delete_punctuation", "raw"] = Field(
        default="delete_punctuation",
        description="delete_punctuation: lower case, characters of the categories P* deleted; raw: as it stands. "
        "By both, a run of white space is one blank.",
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

    @model_validator(mode="after")
    def _tokens_need_a_tokenizer(self) -> Shingling:
        if (self.unit == "tokens") != (self.tokenizer is not None):
            raise ValueError("unit: tokens and tokenizer: PATH go together; give both or neither")
        return self
