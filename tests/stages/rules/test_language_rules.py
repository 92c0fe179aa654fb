"""Thresholds by language in the form of FineWeb-2's files: one for all documents, or one for each language."""

from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from pipeline import Recipe
from pipeline.errors import RecipeError
from pipeline.fingerprint import component
from stages.base import StageError
from stages.fineweb import FineWebFilter
from stages.gopher import GopherFilter
from stages.judge import Judge

GERMAN = {
    "dup_line_frac": 0,
    "dup_n_grams": [[5, 0.141], [10, 0.098]],
    "language_score": 0.8,
    "line_punct_thr": 0.05,
    "max_avg_word_length": 15,
    "max_non_alpha_words_ratio": 0.774,
    "min_avg_word_length": 0,
    "new_line_ratio": 0.152,
    "stopwords": ["der", "und", "die"],
    "top_n_grams": [[2, 0.169]],
}
CHINESE = {"max_avg_word_length": 5, "min_avg_word_length": 1, "stopwords": ["的"], "new_line_ratio": 0.178}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name, values in {"deu_Latn": GERMAN, "cmn_Hani": CHINESE}.items():
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(values))
    return [tmp_path / "deu_Latn.yml", tmp_path / "cmn_Hani.yml"]


def rules_of(stage: GopherFilter | FineWebFilter) -> dict[str, str]:
    return {rule.name: rule.drop_if.split(" ", 1)[1] for rule in stage.rules()}


def reason(stage: GopherFilter, measured: pa.RecordBatch) -> str | None:
    rules = stage.rules()
    (index,) = Judge(rules)(measured).first
    return None if index < 0 else rules[index].name


def test_one_file_goes_before_the_profile_and_the_recipe_before_the_file(files: list[Path]) -> None:
    rules = rules_of(GopherFilter(profile="fineweb-2", thresholds=files[:1], min_avg_word_length=2))
    assert {name: rules[name] for name in ("top_2_gram", "top_3_gram", "duplicated_5_n_grams")} == {
        "top_2_gram": "> 0.169",
        "top_3_gram": "> 0.18",
        "duplicated_5_n_grams": "> 0.141",
    }
    assert "dup_line_frac" not in rules  # 0 turns it off, as in datatrove
    assert rules["gopher_above_avg_threshold"] == "> 15.0" and rules["gopher_below_avg_threshold"] == "< 2.0"
    assert rules["gopher_below_alpha_threshold"] == "< 0.774"
    lines = rules_of(FineWebFilter(profile="fineweb-2", thresholds=files[:1]))
    assert lines == {"empty": "< 1", "line_punct_ratio": "< 0.05", "char_dup_ratio": "> 0.1", "list_ratio": "> 0.152"}


def test_each_document_is_judged_by_the_file_of_its_language(files: list[Path]) -> None:
    texts = ["der Hund und die Katze", "the dog of the house", "的的的的", "der the 的"]
    languages = ["deu_Latn", "eng_Latn", "cmn_Hani", None]
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string()), "language": languages})
    stage = GopherFilter(thresholds=files, language_column="language", words="unicode")
    measured = stage(batch)
    assert measured.column("gopher_limit_max_avg_word_length").to_pylist() == [15, 10, 5, 10]
    assert measured.column("gopher_stop_words").to_pylist() == [3, 2, 0, 1]  # units of two: 的的 is no stop word
    alone = {"deu_Latn": files[:1], "cmn_Hani": files[1:]}
    for row, (text, language) in enumerate(zip(texts, languages, strict=True)):
        one = GopherFilter(thresholds=alone.get(language, []), words="unicode")
        expected = one(pa.record_batch({"text": pa.array([text], pa.large_string())}))
        found = measured.slice(row, 1).select(expected.schema.names)
        assert found.to_pylist() == expected.to_pylist()
        assert reason(stage, measured.slice(row, 1)) == reason(one, expected)
    assert stage(batch.slice(0, 0)).schema == measured.schema


def test_a_file_counts_in_the_fingerprint_by_its_content_and_its_language(files: list[Path]) -> None:
    stage = FineWebFilter(thresholds=files, language_column="language")
    renamed = files[0].rename(files[0].with_name("nld_Latn.yml"))
    other = FineWebFilter(thresholds=[renamed, files[1]], language_column="language")
    assert component(other) != component(FineWebFilter(thresholds=files[1:], language_column="language"))
    assert set(component(other)["assets"]) >= {"thresholds of nld_Latn", "thresholds of cmn_Hani"}
    assert stage.columns_needed() == ("text", "language")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("min_words: 3", r"de\.yml: unknown key 'min_words'; a file of thresholds has the keys dup_line_frac, "),
        ("- 3", r"de\.yml: not a mapping; "),
        ("top_n_grams: [3]", r"de\.yml: thresholds are numbers, n-grams pairs of n and share: "),
        ("a: [", r"de\.yml: thresholds cannot be read: "),
        ("short_line_thr: 2024-13-45", r"de\.yml: thresholds cannot be read: .* as a date.* line 1, column 17"),
    ],
)
def test_a_file_that_is_not_of_this_form_is_refused_with_the_plan(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "de.yml").write_text(content)
    with pytest.raises(RecipeError, match=message):
        Recipe.parse({"name": "r", "stages": ["jsonl", {"gopher": {"thresholds": ["de.yml"]}}]}, folder=tmp_path)


def test_several_files_need_a_column_and_a_column_needs_files(files: list[Path]) -> None:
    with pytest.raises(ValueError, match="several files of thresholds need language_column"):
        GopherFilter(thresholds=files)
    with pytest.raises(ValueError, match="language_column needs thresholds"):
        GopherFilter(language_column="language")
    with pytest.raises(StageError, match="stage 'gopher' needs a column 'language'; put language before it"):
        GopherFilter(thresholds=files, language_column="language")(pa.record_batch({"text": pa.array(["a"])}))
