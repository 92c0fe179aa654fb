"""The decontamination stage against its plain definition, on peers' cases, and what each action leaves of a text."""

from __future__ import annotations

import gzip
import json
import unicodedata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stages.base import StageError
from stages.decontamination.cutting import cut_out
from stages.decontamination.index import load_index
from stages.decontamination.stage import RECORDED_ITEMS, Decontaminate
from stages.decontamination.word_characters import count_words
from tests.stages.decontamination.reference import Reference, is_plain, without_accents, words

QUESTION = "A train leaves the station at noon and travels north at sixty miles an hour until it stops in Springfield"
FILLER = "Something quite different is said here, about cats and the weather of the last week. "


def benchmark(path: Path, *items: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def rows(stage: Decontaminate, *texts: str | None) -> list[dict[str, Any]]:
    return stage.apply(pa.table({"text": pa.array(texts, pa.large_string())})).to_pylist()


# --------------------------------------------------------------------------------------------- definition

few_words = st.lists(
    st.sampled_from(["a", "B", "c.", "don't", "dont", "É", "x-y", "中文", "ไทย", "-", "Σας", "é", "e\u0301", "1,5"]),
    max_size=14,
)
passages = few_words.map(" ".join) | st.text(max_size=6)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(passages, max_size=2), min_size=1, max_size=4),
    st.lists(passages, min_size=1, max_size=4),
    st.integers(2, 5),
    st.integers(1, 5),
)
def test_counts_and_coverage_are_those_of_the_plain_definition(
    tmp_path_factory: pytest.TempPathFactory, items: list[list[str]], texts: list[str], ngram: int, min_words: int
) -> None:
    assume(all(map(is_plain, [*texts, *(passage for item in items for passage in item)])))
    items = [*items, ["long enough to be looked for"]]
    path = benchmark(tmp_path_factory.mktemp("b") / "b.jsonl", *({"t": item} for item in items))
    index = load_index((path,), (), ngram, min_words)
    data = [text.encode() for text in texts]
    column = pa.array(texts, pa.large_string())
    from stages.text_buffers import text_buffers

    counts = index.count(*text_buffers(column))[:, 1].tolist()
    reference = Reference(items, ngram, min_words)
    for text, count, encoded in zip(texts, counts, data, strict=True):
        best = max((match.coverage for match in index.matches(encoded, count)), default=0.0)
        assert (count, best) == (reference.judge(text)[0], pytest.approx(reference.judge(text)[1]))


@given(passages)
def test_words_of_a_single_text_are_counted_by_the_same_definition(text: str) -> None:
    assume(is_plain(text))
    assert count_words(text) == len(words(text))


def test_an_item_that_repeats_itself_is_covered_by_its_copy(tmp_path: Path) -> None:
    """Each run stands 88 times in the first item, and items that say it once are named beside it."""
    path = benchmark(tmp_path / "b.jsonl", {"q": "ha " * 100}, {"q": "ha " * 13 + "said he"}, *[{"q": "ha " * 13}] * 20)
    (row,) = rows(Decontaminate(benchmarks=(path,), action="tag"), f"{FILLER} {'Ha, ' * 100} {FILLER}")
    assert (row["contamination_item"], row["contamination_coverage"]) == (1, 1.0)
    found = json.loads(row["contamination_matches"])
    assert [match["item"] for match in found] == [1, *range(3, 11), 2]
    assert found[0]["ngrams"] == row["contamination_ngrams"] == 88


def test_case_punctuation_and_spacing_tell_no_texts_apart_and_words_do(tmp_path: Path) -> None:
    path = benchmark(tmp_path / "b.jsonl", {"q": QUESTION})
    stage = Decontaminate(benchmarks=(path,), action="tag")
    same = QUESTION.upper().replace(" ", " -- \n").replace("TRAIN", "«Train»,")
    other = QUESTION.replace("sixty", "seventy")
    alike, different, nothing = rows(stage, f"{FILLER}{same} {FILLER}", other, None)
    assert alike["contamination_ngrams"] == 8 and alike["contamination_coverage"] == 1.0
    assert different["contamination_ngrams"] == 0 and different["contamination_benchmark"] is None
    assert nothing["contamination_words"] == 0 and nothing["text"] is None


@pytest.mark.parametrize(
    "text",
    [
        "Où l'été s'achève, le garçon naïf rêve déjà d'être né à Noël",
        "Με το που είπε ότι θα έρθει αύριο, όλοι χάρηκαν πολύ",
        "Ещё один объём йода стоял на её полке у моей двери",
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng",
        "أُعِدَّ الطَّعَامُ فِي الْبَيْتِ ثُمَّ أَكَلَ الْأَوْلَادُ مِنْهُ",
        "לַיְלָה טוֹב לְכֻלָּם אָמַר הַיֶּלֶד וְהָלַךְ אֶל בֵּיתוֹ",
        "बड़ा लड़का पढ़ाई छोड़ कर सड़क पर दौड़ पड़ा था",
    ],
    ids=["fra", "ell", "rus", "vie", "arb", "heb", "hin"],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_and_how_they_are_encoded_tell_no_texts_apart(tmp_path: Path, text: str, form: str) -> None:
    path = benchmark(tmp_path / "b.jsonl", {"q": text})
    found = rows(Decontaminate(benchmarks=(path,)), unicodedata.normalize(form, text), without_accents(text))
    assert [row["rule"] for row in found] == ["contaminated"] * 2


def test_short_items_match_as_a_whole_and_too_short_ones_never(tmp_path: Path) -> None:
    path = benchmark(
        tmp_path / "b.jsonl", {"q": "one two three four five six seven eight nine"}, {"q": "is this too short"}
    )
    stage = Decontaminate(benchmarks=(path,))
    found = rows(
        stage,
        "Count: one, two, three, four, five, six, seven, eight, nine!",
        "one two three four five six seven eight",
        "Is this too short?",
    )
    assert [row["rule"] for row in found] == ["contaminated", None, None]
    (described,) = stage.index().benchmarks
    assert (described.items, described.whole, described.too_short) == (2, 1, 1)


def test_a_match_names_item_share_and_place(tmp_path: Path) -> None:
    first = benchmark(
        tmp_path / "first.v1.jsonl", {"q": "unrelated words that nobody will ever say in this very order"}
    )
    second = tmp_path / "second.jsonl.gz"
    second.write_bytes(
        gzip.compress(f"\n{json.dumps({'data': {'q': QUESTION, 'choices': ['north', 'south']}})}\n".encode())
    )
    stage = Decontaminate(benchmarks=(first, second), fields=(), action="tag")
    half = " ".join(QUESTION.split()[:14])
    text = f"Žlutý: {FILLER}{half}. {FILLER}"
    (row,) = rows(stage, text)
    assert (row["contamination_benchmark"], row["contamination_item"]) == ("second", 2)
    assert row["contamination_coverage"] == pytest.approx(14 / 20)
    (match,) = json.loads(row["contamination_matches"])
    (span,) = match["spans"]
    assert span["text"] == half == text[span["start"] : span["end"]]
    assert match["ngrams"] == row["contamination_ngrams"] == 2


def test_matches_of_little_of_an_item_are_kept_where_a_share_is_asked_for(tmp_path: Path) -> None:
    path = benchmark(tmp_path / "b.jsonl", {"q": QUESTION})
    half = " ".join(QUESTION.split()[:14])
    texts = (f"{FILLER * 9}{half} {FILLER * 9}", f"{FILLER * 9}{QUESTION} {FILLER * 9}")
    strict = rows(Decontaminate(benchmarks=(path,), min_coverage=0.8), *texts)
    assert [row["rule"] for row in strict] == [None, "contaminated"]
    cut = rows(Decontaminate(benchmarks=(path,), min_coverage=0.8, action="cut"), *texts)
    assert [row["contamination_cut"] > 0 for row in cut] == [False, True]
    assert cut[0]["text"] == texts[0] and QUESTION not in cut[1]["text"]


# ------------------------------------------------------------------------------------------------ peers


def test_datatroves_cases_with_the_items_that_they_speak_of(shared_data: Path, tmp_path: Path) -> None:
    recorded = json.loads((shared_data / "peers" / "datatrove.json").read_text("utf-8"))
    (case,) = [case for case in recorded["dedup"] if case["dedup"] == "ngram_decontamination"]
    before, after = "great and sudden change. ", "Beware;"
    middles = [text.partition(before)[2].partition(after)[0].strip() for text in case["docs"]]
    query, label = middles[2].split(". ", 1)
    items = [
        {"query": middles[0], "label": "no such answer"},
        {"query": "They", "label": middles[1]},
        {"query": query, "label": label},
        {"query": middles[4], "label": "the lawn"},
    ]
    path = benchmark(tmp_path / "hellaswag.jsonl", *items)

    def kept(*fields: str) -> list[int]:
        stage = Decontaminate(benchmarks=(path,), fields=fields, ngram=12, min_words=12)
        return [number for number, row in enumerate(rows(stage, *case["docs"])) if row["rule"] is None]

    expected = {(entry["find_query"], entry["find_overlap"]): entry["kept"] for entry in case["expected"]}
    assert kept("label") == expected[False, False]
    assert kept() == expected[True, False]
    both = set(expected[True, False]) & set(expected[False, True])
    assert kept("query", "label") == sorted(both)


# ------------------------------------------------------------------------------------------------ cutting


def test_cutting_takes_a_window_and_leaves_out_short_pieces() -> None:
    text = "a" * 300 + " " + "b" * 90 + " MATCH " + "c" * 90 + " " + "d" * 300 + " MATCH end"
    places = [(place, place + 5) for place in (text.index("MATCH"), text.rindex("MATCH"))]
    cut = cut_out(text, places, window=20, min_piece=100)
    assert cut.pieces == 2 and set(cut.text) == set("abcd \n") and "MATCH" not in cut.text
    assert cut.removed == len(text) - len(cut.text) + 1
    assert cut_out(text, places, window=400, min_piece=1) == ("", 0, len(text))


@given(st.text("ab \n", max_size=120), st.lists(st.tuples(st.integers(0, 120), st.integers(1, 9)), max_size=4))
def test_what_is_left_is_of_the_text_and_holds_nothing_of_the_windows(text: str, spans: list[tuple[int, int]]) -> None:
    marked = "".join("X" if any(s <= p < s + n for s, n in spans) else c for p, c in enumerate(text))
    places = [(min(s, len(text)), min(s + n, len(text))) for s, n in spans]
    cut = cut_out(marked, places, window=3, min_piece=2)
    assert "X" not in cut.text
    assert all(piece in marked for piece in cut.text.split("\n")) or "\n" in marked
    assert cut.removed >= marked.count("X")


def test_a_document_that_is_nothing_else_or_falls_to_pieces_is_dropped(tmp_path: Path) -> None:
    path = benchmark(tmp_path / "b.jsonl", {"q": QUESTION})
    stage = Decontaminate(benchmarks=(path,), action="cut", window=10, min_piece=20, max_pieces=3)
    found = rows(stage, QUESTION, f"{FILLER} {QUESTION} " * 4 + FILLER, f"{FILLER}{QUESTION} {FILLER}", FILLER)
    assert [row["rule"] for row in found] == ["contaminated", "contaminated_throughout", None, None]
    assert [row["contamination_pieces"] for row in found] == [0, 5, 2, 1]
    assert found[0]["text"] == QUESTION and found[1]["text"].count(QUESTION) == 4  # rejects show what was there


def test_a_text_that_is_the_whole_benchmark_many_times_over_is_no_trouble(tmp_path: Path) -> None:
    items = [" ".join(f"{word}{number}é" for word in QUESTION.split()) for number in range(300)]
    path = benchmark(tmp_path / "b.jsonl", *({"q": item} for item in items))
    text = f" {FILLER * 3}".join(items * 10)
    tagged, cut = (rows(Decontaminate(benchmarks=(path,), action=action), text)[0] for action in ("tag", "cut"))
    assert tagged["contamination_ngrams"] == 10 * 300 * 8
    assert len(json.loads(tagged["contamination_matches"])) == RECORDED_ITEMS
    assert cut["rule"] == "contaminated"


# ---------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"b\.jsonl.*(zero bytes|empty)"),
        ("\n", r"b\.jsonl, named by benchmarks, holds no items"),
        ('{"q": "x"}\nno json\n', r"b\.jsonl, line 2, named by benchmarks: the line is not JSON"),
        (
            '{"q": ' + "9" * 5000 + "}",
            r"line 1, .*: the line holds an integer of more than 4,300 digits, which is not read",
        ),
        ("[" * 5000, "line 1, .* nests deeper than 200 levels"),
        (
            '{"q": null}\n{"q": 12}\n{"q": "Is this too short?"}\n',
            r"longest text under q has 4 words, .* than 8 is looked",
        ),
        ("[1]\n", r"line 1.*the line is an array, not an object"),
        ('{"question": "x"}\n', r"line 1.*no field 'q'; fields there: question"),
    ],
)
def test_a_benchmark_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text(content)
    with pytest.raises(StageError, match=message) as raised:
        Decontaminate(benchmarks=(path,), fields=("q",))(pa.record_batch({"text": pa.array([], pa.large_string())}))
    assert "\n" not in str(raised.value)


def test_a_wrong_field_is_refused_with_the_plan(tmp_path: Path) -> None:
    path = benchmark(tmp_path / "b.jsonl", {"question": "x"})
    with pytest.raises(StageError, match="no field 'q'; fields there: question"):
        Decontaminate(benchmarks=(path,), fields=("q",)).assets()


def test_a_file_is_read_to_its_end_with_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    for content, message in (
        ('{"q": "x"}\nno json\n', "line 2, named by benchmarks: the line is not"),
        ("\n", "holds no items"),
    ):
        path.write_text(content)
        with pytest.raises(StageError, match=message):
            Decontaminate(benchmarks=(path,), fields=("q",)).assets()


def test_files_that_are_absent_or_named_alike_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"absent\.jsonl, named by benchmarks .* does not exist"):
        Decontaminate(benchmarks=(tmp_path / "absent.jsonl",)).assets()
    with pytest.raises(StageError, match="is a folder; name the files in it"):
        Decontaminate(benchmarks=(tmp_path,)).assets()
    with pytest.raises(ValueError, match="two files of benchmarks are named 'b'"):
        Decontaminate(benchmarks=(tmp_path / "b.jsonl", tmp_path / "b.x.jsonl"))
