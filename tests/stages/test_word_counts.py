"""Words counted once for all rule groups: the counts are those of splitting anew, whatever was cut in between."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.c4_lines import C4Lines
from stages.fineweb import FineWebFilter
from stages.gopher import GopherFilter
from stages.words import split

WORDS = "the cat sat on its mat|don't|e.g.|u.s.|(a-b)|http://a.b/c|javascript|[1]|[edit]|[citation needed]|é|語|...|'"
WHITE_SPACE = " \n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\xa0\u3000"
PIECES = st.sampled_from([*WORDS.split("|"), *WHITE_SPACE])
TEXTS = st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60)


def batch(texts: list[str]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5), st.data())
def test_words_of_edited_texts_are_those_of_splitting_them(texts: list[str], data: st.DataObject) -> None:
    edited = C4Lines(terminal_punctuation=None)(GopherFilter()(batch(texts)))
    kept = data.draw(st.lists(st.sampled_from(range(len(texts))), unique=True).map(sorted))
    measured = FineWebFilter()(edited.take(pa.array(kept, pa.int64()))).to_pydict()
    assert measured["fineweb_words"] == [len(split(text)) for text in measured["text"]]


def test_counts_are_for_the_same_texts_only() -> None:
    for other in (["one two three", "four"], ["four", "one two"], ["one two, four"], []):
        GopherFilter()(batch(["one two", "four"]))
        found = FineWebFilter()(batch(other))["fineweb_words"].to_pylist()
        assert found == [len(split(text)) for text in other]
        assert FineWebFilter()(batch(other))["fineweb_words"].to_pylist() == found


def test_words_by_unicode_are_never_taken_for_english_ones() -> None:
    texts = ["don't e.g. 語語 (a-b)"]
    GopherFilter(words="unicode")(batch(texts))
    assert FineWebFilter()(batch(texts))["fineweb_words"].to_pylist() == [len(split(texts[0]))]
    GopherFilter()(batch(texts))
    unicode = FineWebFilter(words="unicode")
    assert unicode(batch(texts))["fineweb_words"] == unicode(batch(texts))["fineweb_words"]
