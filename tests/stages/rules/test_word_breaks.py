"""Unicode word boundaries: the words that the package uniseg finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.rules.word_breaks import break_classes
from stages.rules.word_breaks_kernel import unicode_words

uniseg = pytest.importorskip("uniseg.wordbreak")


def ours(text: str) -> list[str]:
    data = np.frombuffer(text.encode() or b"\0", dtype=np.uint8)
    data.setflags(write=False)
    size = len(text.encode())
    starts, ends = np.empty(size + 1, np.int64), np.empty(size + 1, np.int64)
    count = unicode_words(data, 0, size, break_classes(), starts, ends)
    return [text.encode()[start:end].decode() for start, end in zip(starts[:count], ends[:count], strict=True)]


def theirs(text: str) -> list[str]:
    return [word for word in uniseg.words(text) if word[0].isalnum()]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The quick (“brown”) fox can't jump 32.3 feet, right? 1,234.5 a.b a..b x:y 3:4 _a_1_",
        "日本語のテキスト カタカナ・ひらがな ภาษาไทย 한국어 텍스트",
        "עברית ל\"ב ג' שלום\u05b8",
        "e\u0301te\u0301 a\u200db \u200d\u2764 👩\u200d👩\u200d👧 🇩🇪🇫🇷🇺 x\r\ny\n\n z\u2028w",
    ],
)
def test_known_texts(text: str) -> None:
    assert ours(text) == theirs(text)


_PIECES = st.sampled_from(list("ab1א\"'.,:;_ \n\r\tア漢ก🇩😀\u0301\u200d\u00ad·é"))


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_any_mixture(text: str) -> None:
    assert ours(text) == theirs(text)
