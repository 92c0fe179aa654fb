"""Keep documents in given languages, by fastText's linear classifier over character n-grams.

Joulin et al. 2016 (arXiv 1607.01759 and 1612.03651), model lid.176.ftz. The whole text is classified,
newlines as spaces (fastText reads one line); the label with the highest score is the language. Labels are fastText's,
scores agree to about 1e-5. Cost: see stages/fasttext_kernel.py.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from stages.base import Filter, Rule

if TYPE_CHECKING:
    import pyarrow as pa

    from stages.fasttext_model import FastTextModel


class LanguageFilter(Filter):
    """Drop documents that are not in one of the languages, or not clearly enough."""

    name: ClassVar[str] = "language"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "language": "most probable language of the text: two- or three-letter code of fastText's lid.176",
        "language_score": "fastText's score of that language, 0 to 1 (rounding may exceed 1 slightly)",
    }

    languages: tuple[str, ...] | None = Field(
        ("en",), description="Codes of languages to keep, as fastText writes them; null keeps all."
    )
    min_score: float | None = Field(
        0.65, ge=0, le=1, description="The score must be greater than this; null asks for none."
    )
    model: Path | None = Field(
        None, description="A fastText model file; by default lid.176.ftz, downloaded once into the cache."
    )

    @field_validator("languages")
    @classmethod
    def _codes(cls, languages: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if languages is not None and not languages:
            raise ValueError("name at least one language, or null to keep all")
        for code in languages or ():
            if not code.isalpha() or not code.islower() or len(code) > 3:
                raise ValueError(f"'{code}' is no language code like 'en' or 'ceb'")
        return languages

    def assets(self) -> dict[str, Path]:
        from stages.language_model import NAME, find_model

        return {NAME if self.model is None else "model": find_model(self.model)}

    def rules(self) -> list[Rule]:
        rules = []
        if self.languages is not None:
            codes = ", ".join(f"'{code}'" for code in self.languages)
            rules.append(Rule("language", f"language NOT IN ({codes})"))
        if self.min_score is not None:
            rules.append(Rule("language_score", f"language_score <= {self.min_score!r}"))
        return rules

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add `language` (string) and `language_score` (float64); needs `text`, null counts as empty."""
        import pyarrow as pa

        from stages.frames import needed_column, with_column

        texts = needed_column(batch, self.name, "text", "put extract_text before it")
        model = _load(self.model)
        labels, scores = model.predict(texts)
        unknown = labels < 0
        codes = pa.array([label.removeprefix("__label__") for label in model.labels], pa.string())
        batch = with_column(batch, "language", codes.take(pa.array(labels, mask=unknown)))
        return with_column(batch, "language_score", pa.array(scores, mask=unknown))


@cache
def _load(path: Path | None) -> FastTextModel:
    from stages.fasttext_model import load_model
    from stages.language_model import find_model

    return load_model(find_model(path))
