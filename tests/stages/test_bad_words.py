"""Bad words: what C4's filter in datatrove drops, with a list of our own."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.bad_words import BadWordsFilter
from stages.base import StageError

WORDS = ["badword", "bad phrase", "schlimm", "a.b", "悪い"]


def found(folder: Path, texts: list[str], language: str = "en") -> list[str]:
    path = folder / "words.txt"
    path.write_text("\n".join(WORDS) + "\n")
    table = pa.table({"text": pa.array(texts, pa.large_string())})
    return BadWordsFilter(lists=[path], language=language).apply(table).column("rule").to_pylist()


_TEXTS = st.lists(st.sampled_from([*WORDS, "BADWORD", "good", " ", "\n", "-", "_", "1", "é", "xbad"]), max_size=8)


@settings(deadline=None)
@given(texts=st.lists(_TEXTS.map("".join), min_size=1, max_size=5))
@pytest.mark.parametrize("language", ["en", "ja"])
def test_decisions_are_datatroves(language: str, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    filters = pytest.importorskip("datatrove.pipeline.filters.c4_filters")
    from datatrove.data import Document

    folder = tmp_path_factory.mktemp("words")
    ours = found(folder, texts, language)
    with pytest.MonkeyPatch.context() as patch:  # its list would be downloaded
        patch.setattr(filters, "cached_asset_path_or_download", lambda *_, **__: str(folder / "words.txt"))
        peer = filters.C4BadWordsFilter(default_language=language)
        theirs = [peer.filter(Document(text=text, id="")) for text in texts]
    assert [rule is None for rule in ours] == [verdict is True for verdict in theirs]


def test_the_word_is_kept_and_lists_are_assets(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("badword\n")
    stage = BadWordsFilter(lists=[tmp_path / "words.txt"])
    row = stage(pa.record_batch({"text": ["What a BadWord!"]})).to_pylist()[0]
    assert row["bad_word"] == "badword"
    assert set(stage.assets()) == {"lists/0"}
    with pytest.raises(StageError, match="is no file"):
        BadWordsFilter(lists=[tmp_path / "absent.txt"]).assets()
