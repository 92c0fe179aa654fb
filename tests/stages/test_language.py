"""The language stage: fastText's own labels and scores, on any text, with a model found or clearly missed."""

from pathlib import Path

import fasttext
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages import language_model
from stages.base import StageError
from stages.language import LanguageFilter

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def model() -> Path:
    try:
        return language_model.find_model()
    except StageError as error:
        pytest.skip(str(error))


def test_languages_and_scores_are_fasttexts(model: Path) -> None:
    texts = ["The quick brown fox jumps over\nthe lazy dog.", "Wie geht es Ihnen heute, mein Freund?", "", None, "\n"]
    table = LanguageFilter().apply(pa.table({"text": pa.array(texts, pa.large_string())}))
    classifier = fasttext.load_model(str(model))
    for row, text in zip(table.to_pylist(), texts, strict=True):
        labels, scores = classifier.predict((text or "").replace("\n", " "))
        assert f"__label__{row['language']}" == labels[0]
        assert row["language_score"] == pytest.approx(float(scores[0]), abs=1e-5)
    assert table.column("rule").to_pylist() == [None, "language", *["language_score"] * 3]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_any_text_is_judged_alike_alone_and_among_others(model: Path, texts: list[str]) -> None:
    stage = LanguageFilter(languages=None)
    whole = stage(pa.record_batch({"text": texts})).to_pylist()
    assert whole == [row for text in texts for row in stage(pa.record_batch({"text": [text]})).to_pylist()]


def test_the_score_must_be_greater_than_the_least(model: Path) -> None:
    table = pa.table({"text": ["Some words of English that score less than one."]})
    score = LanguageFilter().apply(table).column("language_score")[0].as_py()
    assert LanguageFilter(min_score=score).apply(table).column("rule").to_pylist() == ["language_score"]
    assert LanguageFilter(min_score=score - 1e-9).apply(table).column("rule").to_pylist() == [None]
    assert LanguageFilter(languages=None, min_score=None).rules() == []


def test_the_model_is_an_asset_under_a_name_that_no_machine_changes(model: Path) -> None:
    assert LanguageFilter().assets() == {"lid.176.ftz": model}
    assert LanguageFilter(model=model).assets() == {"model": model}


def test_a_model_that_is_missing_or_none_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"absent\.ftz does not exist"):
        LanguageFilter(model=tmp_path / "absent.ftz").assets()
    wrong = tmp_path / "wrong.ftz"
    wrong.write_bytes(b"no model")
    with pytest.raises(StageError, match=r"wrong\.ftz is not a fastText model"):
        LanguageFilter(model=wrong)(pa.record_batch({"text": ["x"]}))


def test_a_model_that_nobody_has_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path))
    monkeypatch.setattr(language_model, "SITE", (tmp_path / "nowhere.ftz").as_uri())
    monkeypatch.setattr(language_model, "WHEEL", "no name of a package")
    with pytest.raises(StageError) as caught:
        language_model.find_model()
    message = str(caught.value)
    assert "\n" not in message and str(tmp_path) in message and "`model`" in message


def test_a_damaged_copy_in_the_cache_is_replaced(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path))
    monkeypatch.setattr(language_model, "SITE", model.as_uri())
    cached = tmp_path / "models" / language_model.NAME
    cached.parent.mkdir()
    cached.write_bytes(b"half a download")
    assert language_model.find_model() == cached
    assert cached.read_bytes() == model.read_bytes()


@pytest.mark.parametrize("languages", [[], ["English"], ["en'"]])
def test_language_codes_are_checked(languages: list[str]) -> None:
    with pytest.raises(ValueError, match="language"):
        LanguageFilter(languages=languages)
