"""Dolma's rules: the values that Dolma's own tests record, and those of a plain reading of its definitions."""

import json
import re
from collections import Counter
from pathlib import Path
from statistics import median

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.base import StageError
from stages.rules.dolma import DolmaFilter

COLUMNS = {
    "word_count": "dolma_words",
    "median_word_length": "dolma_median_word_length",
    "symbol_to_word_ratio": "dolma_symbol_words",
    "fraction_of_words_with_alpha_character": "dolma_alpha_words",
    "required_word_count": "dolma_required_words",
    "fraction_of_lines_starting_with_bullet_point": "dolma_bullet_lines",
    "fraction_of_lines_ending_with_ellipsis": "dolma_ellipsis_lines",
    "fraction_of_duplicate_lines": "dolma_copied_lines",
    "fraction_of_characters_in_duplicate_lines": "dolma_copied_line_characters",
    **{f"fraction_of_characters_in_most_common_{n}grams": f"dolma_top_{n}_gram" for n in (2, 3, 4)},
    **{f"fraction_of_characters_in_duplicate_{n}grams": f"dolma_copied_{n}_grams" for n in range(5, 11)},
    "has_curly_brace": "dolma_curly_brace",
    "has_javascript": "dolma_javascript",
    "has_lorem_ipsum": "dolma_lorem_ipsum",
    "lines_with_no_ending_punctuation": "dolma_unpunctuated_lines",
    "lines_with_too_few_words": "dolma_short_lines",
}
#: The list of bad words is not ours to ship (c4 takes one), and the length of the text is no measurement of a rule.
NOT_OURS = {"has_naughty_word", "character_count"}


def measured(text: str) -> dict[str, float | None]:
    batch = pa.record_batch({"text": pa.array([text], pa.large_string())})
    return DolmaFilter()(batch).drop_columns(["text"]).to_pylist()[0]


def test_recorded_cases(shared_data: Path) -> None:
    cases = json.loads((shared_data / "peers" / "dolma.json").read_text())["cases"]
    checked = 0
    for case in cases:
        name = case.get("statistic") or case["attribute"]
        if name in NOT_OURS:
            continue
        value = measured(case["text"])[COLUMNS[name]]
        expected = case["expected"] if "statistic" in case else len(case["expected_spans"])
        assert value == pytest.approx(expected, abs=1e-12), case
        checked += 1
    assert checked == 41


def test_without_blank_lines_a_text_is_judged_as_if_it_had_none() -> None:
    lines = [f"Line {n} of that text is here to be read, and says what no other of them says." for n in range(9)]
    batch = pa.record_batch({"text": ["\n\n".join(lines), "\n".join(lines), "\n \n" + "\n\t\n\n".join(lines), None]})
    columns = list(DolmaFilter.measurements)
    apart, together, padded, _ = DolmaFilter(blank_lines=False)(batch).select(columns).to_pylist()
    assert apart == padded == together == DolmaFilter()(batch).select(columns).to_pylist()[1]
    assert DolmaFilter()(batch)["dolma_copied_lines"][0].as_py() > 0.3
    assert DolmaFilter(blank_lines=False)(batch)["text"] == batch["text"]


def reference(text: str) -> dict[str, float | None]:
    """The definitions of FACTS' table read word by word."""
    words, lines = text.split(), text.split("\n")
    letters = sum(map(len, words))
    values: dict[str, float | None] = {
        "dolma_words": len(words),
        "dolma_median_word_length": float(median(map(len, words))) if words else 0.0,
        "dolma_required_words": sum(w in {"the", "be", "to", "of", "and", "that", "have", "with"} for w in words),
        "dolma_bullet_lines": sum(line[:1] in ("*", "-") and line != "" for line in lines) / len(lines),
        "dolma_ellipsis_lines": sum(line[-1:] == "…" for line in lines) / len(lines),
    }
    values["dolma_symbol_words"] = sum("#" in w or "…" in w for w in words) / len(words) if words else None
    values["dolma_alpha_words"] = sum(any(map(str.isalpha, w)) for w in words) / len(words) if words else None
    copied = [line for line in lines if lines.count(line) > 1]
    values["dolma_copied_lines"] = len(copied) / len(lines)
    values["dolma_copied_line_characters"] = sum(map(len, copied)) / letters if letters else None
    for n in range(2, 11):
        grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        sizes = {gram: sum(map(len, gram)) for gram in grams}
        if n < 5:
            best = max(grams, key=grams.__getitem__, default=None)
            values[f"dolma_top_{n}_gram"] = None if best is None else grams[best] * sizes[best] / letters
        else:
            all_of_them = sum(count * sizes[gram] for gram, count in grams.items())
            several = sum(count * sizes[gram] for gram, count in grams.items() if count > 1)
            values[f"dolma_copied_{n}_grams"] = several / all_of_them if grams else None
    values["dolma_unpunctuated_lines"] = sum(
        line.strip()[-1:] not in (".", "?", "!", '"') or not line.strip() for line in lines
    )
    values["dolma_short_lines"] = sum(len(line.split()) < 3 for line in lines)
    values["dolma_javascript"] = int(any(word == "javascript" for word in text.lower().split()))
    values["dolma_lorem_ipsum"] = int(re.search("lorem ipsum", text, re.I) is not None)
    values["dolma_curly_brace"] = int("{" in text)
    return values


_PIECES = st.sampled_from(
    [
        " ",
        " ",
        "\n",
        "\n",
        "\u3000",
        "the",
        "a",
        "b",
        "…",
        "#",
        "*",
        "-",
        ".",
        "é",
        "1",
        "JavaScript",
        "Lorem ipsum",
        "{",
    ]
)


@given(st.lists(_PIECES, min_size=1, max_size=60).map("".join))
def test_values_are_those_of_the_definitions(text: str) -> None:
    assert measured(text) == reference(text)


def test_thresholds_are_the_profiles_unless_set() -> None:
    rules = {rule.name: rule.drop_if for rule in DolmaFilter(min_words=10, max_copied_lines=None).rules()}
    assert rules["dolma_too_few_words"] == "dolma_words < 10"
    assert rules["dolma_copied_line_characters"] == "dolma_copied_line_characters > 0.3"
    assert "dolma_copied_lines" not in rules
    with pytest.raises((StageError, ValueError), match=r"dolma-1\.6"):
        DolmaFilter(profile="fineweb-v1")
