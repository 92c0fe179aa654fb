"""Keep documents in given languages, by fastText's linear classifier over character n-grams.

Joulin et al. 2016 (arXiv 1607.01759 and 1612.03651). The whole text is classified, newlines as spaces (fastText
reads one line), unless `sample_bytes` asks for pieces of long texts. Labels are fastText's, scores agree to about
1e-5. Any supervised fastText model will do: lid.176, GlotLID, OpenLID. docs/language.md has the measured speed,
accuracy and agreement. Cost: see stages/fasttext/hidden_kernel.py.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from stages.base import Filter, Rule, StageError
from stages.fasttext.find import path_or_address
from stages.kept_files import kept_while_files_stay

if TYPE_CHECKING:
    import pyarrow as pa

    from stages.fasttext.model import FastTextModel

_PREFIX = "__label__"


class LanguageFilter(Filter):
    """Drop documents that are not in one of the languages, or not clearly enough."""

    name: ClassVar[str] = "language"
    version: ClassVar[int] = 3
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "language": "most probable language of the text: the model's label without __label__ (en, eng_Latn)",
        "language_score": "the model's score of that language, 0 to 1 (rounding may exceed 1 slightly)",
        "language_second": "the next most probable language; null where the model has but one label",
        "language_second_score": "the model's score of the second language",
    }

    languages: tuple[str, ...] | dict[str, float] | None = Field(
        ("en",),
        description="Languages to keep, as the model's labels name them: a list, or a least score for each "
        "({en: 0.65, de: 0.5}); null keeps all.",
    )
    min_score: float | None = Field(
        0.65, ge=0, le=1, description="The score must be greater than this, where `languages` gives none of its own."
    )
    match: Literal["best", "any_of_two"] = Field(
        "best",
        description="Which must be one of `languages` and score enough: the most probable, or any of the first two.",
    )
    model: Path | str | None = Field(
        None,
        description="A fastText model: a file (.bin, .ftz) or hf://OWNER/NAME/FILE; by default lid.176.ftz, "
        "downloaded once into the cache.",
    )
    sample_bytes: int | None = Field(
        None,
        ge=1024,
        description="Of longer texts classify pieces of so many bytes together, from all over them; null reads all.",
    )

    _model_name = field_validator("model", mode="before")(path_or_address)

    @field_validator("languages", mode="before")
    @classmethod
    def _norwegian(cls, languages: Any) -> Any:
        if isinstance(languages, (list, tuple, dict)) and any(code is False for code in languages):
            raise ValueError("YAML reads a bare no as false; write 'no' in quotes")
        return languages

    @field_validator("languages")
    @classmethod
    def _codes(cls, languages: tuple[str, ...] | dict[str, float] | None) -> tuple[str, ...] | dict[str, float] | None:
        if languages is not None and not languages:
            raise ValueError("name at least one language, or null to keep all")
        for code in languages or ():
            if not code.replace("_", "").replace("-", "").isalnum():
                raise ValueError(f"'{code}' is no language code like 'en', 'ceb' or 'eng_Latn'")
        if isinstance(languages, dict) and not all(0 <= score <= 1 for score in languages.values()):
            raise ValueError("scores lie between 0 and 1")
        return languages

    def assets(self) -> dict[str, Path]:
        from stages.fasttext.find import NAME, find_model

        path = find_model(self.model)
        if self.model is not None:
            _load(self.model)  # so that a plan refuses what is damaged
        if self.languages is not None:
            self._refuse_unknown(path)
        return {NAME if self.model is None else "model": path}

    def _refuse_unknown(self, path: Path) -> None:
        from stages.fasttext.reader import read_labels

        known = [label.removeprefix(_PREFIX) for label in read_labels(path)]
        for code in self.languages or ():
            if code not in known:
                close = difflib.get_close_matches(code, known, n=1, cutoff=0.6)
                hint = f"did you mean '{close[0]}'? " if close else ""
                raise StageError(f"{self.name}: {path.name} has no label '{code}'; {hint}it has {_shown(known)}")

    def rules(self) -> list[Rule]:
        if self.match == "any_of_two" and self.languages is not None:
            accepted = " OR ".join(f"({self._accepted(name)})" for name in ("language", "language_second"))
            return [Rule("language", f"NOT COALESCE({accepted}, FALSE)")]
        rules = []
        if self.languages is not None:
            rules.append(Rule("language", f"language IS NULL OR language NOT IN ({self._listed()})"))
        if isinstance(self.languages, dict) or self.min_score is not None:
            rules.append(Rule("language_score", f"language_score <= {self._least('language')}"))
        return rules

    def _accepted(self, column: str) -> str:
        listed = f"{column} IN ({self._listed()})"
        if not isinstance(self.languages, dict) and self.min_score is None:
            return listed
        return f"{listed} AND {column}_score > {self._least(column)}"

    def _listed(self) -> str:
        return ", ".join(f"'{code}'" for code in self.languages or ())

    def _least(self, column: str) -> str:
        """The expression of the score that the language in `column` must exceed."""
        if not isinstance(self.languages, dict):
            return repr(self.min_score)
        cases = " ".join(f"WHEN '{code}' THEN {score!r}" for code, score in self.languages.items())
        return f"CASE {column} {cases} ELSE 0 END"

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the languages (string) and their scores (float64); needs `text`, null counts as empty."""
        import pyarrow as pa

        from stages.frames import needed_column, with_columns

        texts = needed_column(batch, self.name, "text", "put extract_text before it")
        if batch.num_rows == 0:  # as when a plan is made, which waits for no model
            kinds = {name: pa.float64() if name.endswith("_score") else pa.string() for name in self.measurements}
            return with_columns(batch, {name: pa.array([], kind) for name, kind in kinds.items()})
        model = _load(self.model)
        labels, scores = model.best_two(texts, self.sample_bytes)
        codes = pa.array([label.removeprefix(_PREFIX) for label in model.labels], pa.string())
        columns = {}
        for rank, name in enumerate(("language", "language_second")):
            unknown = labels[:, rank] < 0
            columns[name] = codes.take(pa.array(labels[:, rank], mask=unknown))
            columns[f"{name}_score"] = pa.array(scores[:, rank], mask=unknown)
        return with_columns(batch, columns)


def _shown(labels: list[str]) -> str:
    listed = ", ".join(labels[:8])
    return listed if len(labels) <= 8 else f"{listed} and {len(labels) - 8} more"


@kept_while_files_stay()
def _load(model: Any) -> FastTextModel:
    from stages.fasttext.find import find_model
    from stages.fasttext.reader import load_model

    return load_model(find_model(model))
