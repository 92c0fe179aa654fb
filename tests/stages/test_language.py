"""The language stage: fastText's own labels and scores, on any text, with a model found or clearly missed."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import fasttext
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base import StageError
from stages.fasttext import find
from stages.language import LanguageFilter

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def model() -> Path:
    try:
        return find.find_model()
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
    assert LanguageFilter(model=str(model)) == LanguageFilter(model=model)


def test_a_model_that_is_missing_or_none_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"absent\.ftz does not exist"):
        LanguageFilter(model=tmp_path / "absent.ftz").assets()
    wrong = tmp_path / "wrong.ftz"
    wrong.write_bytes(b"no model")
    with pytest.raises(StageError, match=r"wrong\.ftz is not a fastText model"):
        LanguageFilter(model=wrong)(pa.record_batch({"text": ["x"]}))


def test_a_model_that_nobody_has_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path))
    monkeypatch.setattr(find, "SITE", (tmp_path / "nowhere.ftz").as_uri())
    monkeypatch.setattr(find, "WHEEL", "no name of a package")
    with pytest.raises(StageError) as caught:
        find.find_model()
    message = str(caught.value)
    assert "\n" not in message and str(tmp_path) in message and "`model`" in message


def test_a_damaged_copy_in_the_cache_is_replaced(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path))
    monkeypatch.setattr(find, "SITE", model.as_uri())
    cached = tmp_path / "models" / find.NAME
    cached.parent.mkdir()
    cached.write_bytes(b"half a download")
    assert find.find_model() == cached
    assert cached.read_bytes() == model.read_bytes()


@pytest.mark.parametrize("languages", [[], {}, ["en'"], ["e n"], [False], {"en": 2}])
def test_language_codes_are_checked(languages: list[str]) -> None:
    with pytest.raises(ValueError, match="language"):
        LanguageFilter(languages=languages)


TEXTS = pa.table({"text": ["Wie geht es Ihnen heute, mein Freund?", "The quick brown fox jumps over the dog.", "ok"]})


def rules_of(stage: LanguageFilter) -> list[str | None]:
    rules: list[str | None] = stage.apply(TEXTS).column("rule").to_pylist()
    return rules


def test_each_language_may_have_a_least_score_of_its_own(model: Path) -> None:
    scores = LanguageFilter().apply(TEXTS).column("language_score").to_pylist()
    assert scores[0] > 0.9 and scores[1] > 0.7
    assert rules_of(LanguageFilter(languages={"de": 0.9, "en": 0.999}))[:2] == [None, "language_score"]
    assert rules_of(LanguageFilter(languages={"de": 0.9, "fr": 0.0}))[:2] == [None, "language"]


def test_any_of_the_two_best_languages_may_match(model: Path) -> None:
    row = LanguageFilter().apply(TEXTS).to_pylist()[2]
    second = {row["language_second"]: row["language_second_score"] - 1e-6}
    assert rules_of(LanguageFilter(languages=second))[2] == "language"
    assert rules_of(LanguageFilter(languages=second, match="any_of_two")) == ["language", "language", None]
    above = {row["language_second"]: row["language_second_score"]}
    assert rules_of(LanguageFilter(languages=above, match="any_of_two"))[2] == "language"
    unscored = LanguageFilter(languages=list(second), min_score=None, match="any_of_two")
    assert rules_of(unscored)[2] is None


def test_a_label_that_the_model_does_not_have_is_refused_with_the_plan(model: Path) -> None:
    with pytest.raises(StageError, match=r"lid\.176\.ftz has no label 'english'; it has en, ru, de"):
        LanguageFilter(languages=["english"]).assets()
    with pytest.raises(StageError, match="did you mean 'als'"):
        LanguageFilter(languages={"alsz": 0.5}).assets()


@pytest.fixture
def scripts_model(tmp_path: Path) -> Path:
    """A model with labels as GlotLID and OpenLID write them, and no row for what it has not seen."""
    lines = tmp_path / "lines.txt"
    lines.write_text("__label__eng_Latn the cat sat\n__label__srp_Cyrl мачка седи\n" * 40, "utf-8")
    options = {"dim": 4, "lr": 1.0, "epoch": 20, "minn": 2, "maxn": 3, "bucket": 100, "thread": 11, "verbose": 0}
    trained = fasttext.train_supervised(input=str(lines), **options)
    trained.save_model(str(tmp_path / "scripts.bin"))
    return tmp_path / "scripts.bin"


def test_labels_with_scripts(scripts_model: Path) -> None:
    stage = LanguageFilter(model=scripts_model, languages=["eng_Latn"], min_score=0.5)
    assert list(stage.assets()) == ["model"]
    table = stage.apply(pa.table({"text": ["the cat", "мачка"]}))
    assert table.column("language").to_pylist() == ["eng_Latn", "srp_Cyrl"]
    assert table.column("language_second").to_pylist() == ["srp_Cyrl", "eng_Latn"]
    assert table.column("rule").to_pylist() == [None, "language"]


def test_no_rows_get_the_columns_that_others_get(model: Path) -> None:
    none, some = (LanguageFilter(model=model)(pa.record_batch({"text": pa.array(t, pa.string())})) for t in ([], ["a"]))
    assert none.schema == some.schema


def test_a_model_that_is_cut_short_is_refused_with_the_plan(model: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.ftz").write_bytes(model.read_bytes()[:-100])
    with pytest.raises(StageError, match=r"cut\.ftz is not a fastText model.*cut short"):
        LanguageFilter(model=tmp_path / "cut.ftz", languages=None, min_score=None).assets()


def test_long_texts_are_judged_by_pieces_of_them_when_asked(model: Path) -> None:
    german = "Wie geht es Ihnen heute, mein lieber Freund? " * 200
    english = "The quick brown fox jumps over the lazy dog. " * 20
    text = english + german
    whole, sampled = (
        LanguageFilter(languages=None, min_score=None, sample_bytes=size).apply(pa.table({"text": [text, english]}))
        for size in (None, 1024)
    )
    assert sampled.column("language").to_pylist() == whole.column("language").to_pylist() == ["de", "en"]
    assert sampled.column("language_score")[0] != whole.column("language_score")[0]
    assert sampled.column("language_score")[1] == whole.column("language_score")[1]


class _Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for one file of one repository."""

    file: ClassVar[Path]

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/some/languages/resolve/v3/scripts.bin" else 404)
        self.send_header("ETag", '"1"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(self.file.stat().st_size))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(self.file.read_bytes())

    def log_message(self, *_: object) -> None:
        pass


def test_a_model_of_the_hub_is_downloaded_or_missed_in_one_line(scripts_model: Path, tmp_path: Path) -> None:
    _Hub.file = scripts_model
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path / "hub")}
        environment = {**os.environ, **settings, "NO_PROXY": "127.0.0.1"}
        script = "import sys; from stages.fasttext.find import find_model; print(find_model(sys.argv[1]))"
        found, missed = (
            subprocess.run([sys.executable, "-c", script, name], env=environment, capture_output=True, text=True)
            for name in ("hf://some/languages@v3/scripts.bin", "hf://some/languages@v3/absent.bin")
        )
        server.shutdown()
    assert Path(found.stdout.strip()).read_bytes() == scripts_model.read_bytes()
    last = missed.stderr.strip().splitlines()[-1]
    assert "StageError: model hf://some/languages@v3/absent.bin cannot be had from the hub" in last
    with pytest.raises(ValueError, match="hf://OWNER/NAME/FILE"):
        LanguageFilter(model="s3://bucket/model.bin")
