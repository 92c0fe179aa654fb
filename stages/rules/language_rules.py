"""Rule sets whose thresholds differ by language, read from files in the form of FineWeb-2's configs/LANGUAGE.yml.

Such a file (Penedo et al. 2025, arXiv 2506.20920) maps datatrove's names to values: dup_line_frac, top_n_grams and
dup_n_grams (pairs of n and share), min_avg_word_length, max_avg_word_length, max_non_alpha_words_ratio, stopwords,
line_punct_thr, new_line_ratio; language_score is the business of the language stage. As in datatrove, 0 turns a
rule of Gopher's off that is no n-gram's. What a file does not say is the profile's, and what the recipe says goes
before both. One file holds for every document; with a column of languages, each document is judged by the file
that is named as its language, or by the profile where there is none, and the threshold it was held to becomes a
column. Cost: one kernel call a language and batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from pydantic import Field, model_validator

from shards.yaml_text import parse_yaml
from stages.base import Rule, StageError
from stages.kept_files import kept_while_files_stay
from stages.rules.rule_set import RuleSet

if TYPE_CHECKING:
    import pyarrow as pa

#: Our fields by the file's names, for each stage.
_FIELDS = {
    "gopher": {
        "dup_line_frac": "dup_line_frac",
        "min_avg_word_length": "min_avg_word_length",
        "max_avg_word_length": "max_avg_word_length",
        "max_non_alpha_words_ratio": "min_alpha_words_ratio",
    },
    "fineweb": {"line_punct_thr": "min_line_punct_ratio", "new_line_ratio": "max_newline_ratio"},
}
_N_GRAMS = {"top_n_grams": "top_{}_gram", "dup_n_grams": "dup_{}_gram"}
_OTHERS = ("stopwords", "language_score")


class LanguageRuleSet(RuleSet):
    """A rule set of one text column, with thresholds by language."""

    thresholds: tuple[Path, ...] = Field(
        (), description="Files of thresholds by language in FineWeb-2's form (configs/deu_Latn.yml); one, or see below."
    )
    language_column: str | None = Field(
        None, description="Judge each document by the file of `thresholds` that is named as this column's value."
    )

    @model_validator(mode="after")
    def _one_file_or_a_column(self) -> Self:
        if self.language_column is None and len(self.thresholds) > 1:
            raise ValueError("several files of thresholds need language_column, the column that says which one holds")
        if self.language_column is not None and not self.thresholds:
            raise ValueError("language_column needs thresholds: the files named as the languages")
        return self

    def assets(self) -> dict[str, Path]:
        """The files by language: a file of another name means another language."""
        return {f"thresholds of {file.stem}": file for file in self.thresholds}

    def columns_needed(self) -> tuple[str, ...]:
        return (*self.needs, self.language_column) if self.language_column else self.needs

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the measurement columns to a batch that has `text`."""
        raise NotImplementedError

    def rules(self) -> list[Rule]:
        if self.language_column is not None:
            return self.rules_against({name: f"{self.name}_limit_{name}" for name in self._limited()})
        return (self._held_to(*self.thresholds) if self.thresholds else self).rules_against({})

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the measurement columns, and with languages the thresholds that hold for each row."""
        import pyarrow as pa

        from stages.frames import needed_column, with_columns

        if self.language_column is None:
            return (self._held_to(*self.thresholds) if self.thresholds else self).measure(batch)
        texts = needed_column(batch, self.name, "text", "put extract_text before it")
        languages = needed_column(batch, self.name, self.language_column, "put language before it").to_pylist()
        files = {file.stem: file for file in self.thresholds}
        parts, places = [self._with_limits(batch.select(["text"]).slice(0, 0))], []
        for language in dict.fromkeys(languages):
            rows = [row for row, one in enumerate(languages) if one == language]
            stage = self._held_to(files[language]) if language in files else self
            parts.append(stage._with_limits(pa.record_batch({"text": texts.take(pa.array(rows))}), self._limited()))
            places += rows
        back = sorted(range(len(places)), key=places.__getitem__)
        table = pa.Table.from_batches(parts).take(pa.array(back, pa.int64())).combine_chunks()
        measured = {name: table.column(name).combine_chunks() for name in table.schema.names if name != "text"}
        return with_columns(batch, measured)

    def _with_limits(self, batch: pa.RecordBatch, names: tuple[str, ...] | None = None) -> pa.RecordBatch:
        import pyarrow as pa

        measured = self.measure(batch)
        for name in self._limited() if names is None else names:
            values = pa.array([getattr(self, name)] * batch.num_rows, pa.float64())
            measured = measured.append_column(f"{self.name}_limit_{name}", values)
        return measured

    def _limited(self) -> tuple[str, ...]:
        """The thresholds that some file sets and the recipe does not."""
        named = {name for file in self.thresholds for name in read_thresholds(file, self.name)}
        return tuple(sorted(named - self.model_fields_set - {"stop_words"}))

    def _held_to(self, file: Path) -> Self:
        """This stage with one file's thresholds in place of the profile's."""
        found = read_thresholds(file, self.name)
        update = {name: value for name, value in found.items() if name not in self.model_fields_set}
        return self.model_copy(update={**update, "thresholds": (), "language_column": None})


@kept_while_files_stay(most=10_000)
def read_thresholds(file: Path, stage: str) -> dict[str, Any]:
    """A file's values by this stage's field names; StageError names the file and what is wrong with it."""
    try:
        data = parse_yaml(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StageError(f"{file}: thresholds cannot be read: {' '.join(str(error).split())}") from error
    known = {name for fields in _FIELDS.values() for name in fields} | set(_N_GRAMS) | set(_OTHERS)
    unknown = sorted(set(data) - known) if isinstance(data, dict) else None
    if unknown is None or unknown:
        what = f"unknown key '{unknown[0]}'" if unknown else "not a mapping"
        raise StageError(f"{file}: {what}; a file of thresholds has the keys {', '.join(sorted(known))}")
    try:
        return _fields_of(data, stage)
    except (TypeError, ValueError) as error:
        raise StageError(f"{file}: thresholds are numbers, n-grams pairs of n and share: {error}") from error


def _fields_of(data: dict[str, Any], stage: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in _FIELDS[stage].items():
        if name in data:
            value = float(data[name])
            found[field] = None if stage == "gopher" and value == 0 else value
    if stage == "gopher":
        for name, field in _N_GRAMS.items():
            found.update({field.format(int(n)): float(share) for n, share in data.get(name, ())})
        if "stopwords" in data:
            found["stop_words"] = tuple(map(str, data["stopwords"]))
    return found
