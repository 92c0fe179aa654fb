"""RefinedWeb's rules and line edits: what DCLM's own tests record of every step of its recipe."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.base import Filter
from stages.rules.refinedweb import RefinedWebFilter
from stages.rules.refinedweb_kernel import unicode_words
from stages.rules.refinedweb_lines import RefinedWebLines
from stages.rules.strip_urls import StripUrls, _patterns, without_named_urls
from stages.text_buffers import text_buffers
from stages.unicode_table import character_classes
from stages.word_break_table import default_word_breaks

#: Everything off, so that a case can turn on what it tests.
NO_RULES = {name: None for name in RefinedWebFilter.model_fields if name != "profile"}
NO_EDITS = {
    "max_uppercase": None,
    "max_digits": None,
    "cut_counters": False,
    "min_line_words": None,
    "cut_navigation": False,
    "max_removed_words": None,
}
#: Functions that are no step of the recipe dclm_baseline_refinedweb.yaml, or that other stages of ours do.
ELSEWHERE = {
    "url_substring_filter": "url_filter",
    "citation_removal_modifier": "c4_lines",
    "punctuation_line_modifier": "c4_lines",
    "word_length_modifier": "c4_lines",
    "substring_filter": "c4",
    "html_content_extraction_modifier": "extract_text",
    "key_name_modifier": "a source's fields",
    **dict.fromkeys(["split_lines_modifier", "join_lines_modifier"], "texts are strings here"),
    **dict.fromkeys(
        [
            "arxiv_appendix_modifier",
            "arxiv_comment_modifier",
            "arxiv_macro_modifier",
            "arxiv_section_strip_modifier",
            "github_extension_filter",
            "line_length_filter",
            "alphanumeric_char_ratio_filter",
            "alphabetic_characters_to_tokens_filter",
            "starcoder_v2_repo_splitter",
            "stackexchange_answer_sort_modifier",
            "stackexchange_html_extraction_modifier",
            "stackexchange_list_modifier",
        ],
        "not for web pages",
    ),
}


def judged(stage: Filter, text: str) -> tuple[str, str | None]:
    """The text after the stage, and the rule that drops it."""
    row = stage.apply(pa.table({"text": pa.array([text], pa.large_string())})).to_pylist()[0]
    return row["text"], row["rule"]


def page_length(text: str, options: dict[str, Any]) -> str | None:
    """Words alone are a rule of the recipe, and there with fastText's tokens and without punctuation."""
    if options.get("length_type") != "word" or not options.get("ignore_punctuation") or "model" in options:
        pytest.skip("another unit than the recipe's")
    rules = {"min_words": options.get("min_length", 1), "max_words": options.get("max_length")}
    return judged(RefinedWebFilter(**{**NO_RULES, **rules}), text)[1]


def rule(threshold: str, option: str, default: float) -> Callable[[str, dict[str, Any]], str | None]:
    def decide(text: str, options: dict[str, Any]) -> str | None:
        return judged(RefinedWebFilter(**{**NO_RULES, threshold: options.get(option, default)}), text)[1]

    return decide


def word_length(text: str, options: dict[str, Any]) -> str | None:
    rules = {"min_word_length": options.get("min_length", 0), "max_word_length": options.get("max_length")}
    return judged(RefinedWebFilter(**{**NO_RULES, **rules}), text)[1]


def stop_words(text: str, options: dict[str, Any]) -> str | None:
    if options.get("count_unique"):
        pytest.skip("the recipe counts repetitions")
    return judged(RefinedWebFilter(**{**NO_RULES, "min_stop_words": options.get("min_stop_word", 2)}), text)[1]


def repetition(text: str, options: dict[str, Any]) -> str | None:
    grain = options["granularity"]
    if options.get("ignore_case") or options.get("ngram_char_ratio"):
        pytest.skip("the recipe takes text as it is, and Gopher's kinds of n-grams")
    if isinstance(grain, str):
        name = f"max_copied_{grain}" + ("_characters" if options.get("count_characters", True) else "s")
    else:
        name = f"max_top_{grain}_gram" if grain < 5 else f"max_copied_{grain}_grams"
    return judged(RefinedWebFilter(**{**NO_RULES, name: options["max_fraction"]}), text)[1]


def massive_web(text: str, options: dict[str, Any]) -> str | None:
    if options.get("skip_paragraph"):
        pytest.skip("the recipe does not skip paragraphs")
    rules = {name: value for name, value in RefinedWebFilter() if name.startswith(("max_copied", "max_top"))}
    return judged(RefinedWebFilter(**{**NO_RULES, **rules}), text)[1]


RULES: dict[str, Callable[[str, dict[str, Any]], str | None]] = {
    "page_length_filter": page_length,
    "word_length_filter": word_length,
    "symbol_ratio_filter": rule("max_symbol_ratio", "max_symbol_to_word_ratio", 0.1),
    "bullet_count_filter": rule("max_bullet_lines", "max_bullet_start_ratio", 0.9),
    "ellipsis_count_filter": rule("max_ellipsis_lines", "max_ellipsis_end_ratio", 0.3),
    "alphabetic_word_ratio_filter": rule("max_words_without_letters", "max_ratio", 0.2),
    "stop_word_filter": stop_words,
    "repetition_filter": repetition,
    "massive_web_repetition_filters": massive_web,
}
NAMES = {
    "page_length_filter": ["length_type", "min_length", "max_length"],
    "repetition_filter": ["granularity", "max_fraction", "count_characters"],
    "stop_word_filter": ["count_unique", "min_stop_word"],
    "word_length_filter": ["min_length", "max_length"],
    "line_length_modifier": ["min_length", "max_length"],
}
for _name in ("symbol_ratio_filter", "bullet_count_filter", "ellipsis_count_filter", "alphabetic_word_ratio_filter"):
    NAMES[_name] = [{"symbol_ratio_filter": "max_symbol_to_word_ratio"}.get(_name, "max_ratio")]


def cases(shared_data: Path, *functions: str) -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    """Function, text, options and expectation of the recorded calls, those left out that an error ends."""
    for case in json.loads((shared_data / "peers" / "dclm.json").read_text())["cases"]:
        if case["function"] not in functions or isinstance(case["expected"], dict):
            continue
        page, *given = case["args"]
        options = dict(zip(NAMES.get(case["function"], ["max_ratio"]), given, strict=False))
        options |= case["kwargs"] | (case.get("factory_kwargs") or {})
        options["factory_args"] = case.get("factory_args") or []
        yield case["function"], page["text"], options, case["expected"]


def test_every_function_is_accounted_for(shared_data: Path) -> None:
    recorded = {case["function"] for case in json.loads((shared_data / "peers" / "dclm.json").read_text())["cases"]}
    edits = {"url_removal_modifier", "newline_removal_modifier", "word_removal_ratio_filter", *EDITS}
    assert recorded == set(RULES) | edits | set(ELSEWHERE)


def test_rules_decide_as_recorded(shared_data: Path) -> None:
    checked, left_out = 0, 0
    for function, text, options, expected in cases(shared_data, *RULES):
        try:
            dropped = RULES[function](text, options)
        except pytest.skip.Exception:
            left_out += 1
            continue
        assert (dropped is None) == bool(expected), (function, text, options, dropped)
        checked += 1
    assert (checked, left_out) == (162, 61)


def edits(name: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda options: {name: value if value is not None else options.get("max_ratio", 0.5)}


EDITS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "uppercase_ratio_line_modifier": edits("max_uppercase", None),
    "numeric_ratio_line_modifier": lambda options: {"max_digits": options.get("max_ratio", 1.0)},
    "counter_line_modifier": edits("cut_counters", True),
    "line_length_modifier": lambda options: {"min_line_words": options.get("min_length", 0)},
    "substring_line_modifier": edits("cut_navigation", True),
}


def _as_in_the_recipe(options: dict[str, Any]) -> bool:
    """Whether a call takes the recipe's words out of short lines, rather than cut lines with other words."""
    short = options.get("max_length") == 10 and options.get("remove_substring_only", False)
    words = {"items in cart": "any", "read more...": "suffix", "sign-in": "prefix"}
    return short and words.get(str(options["factory_args"][0]).lower()) == options.get("location", "any")


def test_lines_are_edited_as_recorded(shared_data: Path) -> None:
    checked = 0
    for function, text, options, expected in cases(shared_data, *EDITS):
        if function == "line_length_modifier" and "max_length" in options:
            continue  # the recipe has no longest line
        if function == "substring_line_modifier" and not _as_in_the_recipe(options):
            continue
        edited, _ = judged(RefinedWebLines(**{**NO_EDITS, **EDITS[function](options)}), text)
        assert edited == (expected[0]["text"] if expected else ""), (function, text, options)
        checked += 1
    assert checked == 35


def test_urls_and_newlines_go_as_recorded(shared_data: Path) -> None:
    for function, text, options, expected in cases(shared_data, "url_removal_modifier", "newline_removal_modifier"):
        most = options.get("max_consecutive", 2) if function == "newline_removal_modifier" else 100
        row = StripUrls(max_newlines=most)(pa.record_batch({"text": [text]})).to_pylist()[0]
        assert row["text"] == (expected[0]["text"] if expected else ""), text


def test_a_document_that_lost_too_many_words_is_dropped() -> None:
    prose = "many words that stay here\n" * 8
    for line, rule_name in (("3 likes", None), ("THIS LINE GOES\n3 likes", "refinedweb_removed_words")):
        text, dropped = judged(RefinedWebLines(), f"{prose}{line}\n")
        assert text == prose.strip()
        assert dropped == rule_name
    assert judged(RefinedWebLines(), "ALL OF IT GOES") == ("", "refinedweb_emptied")


_LETTERS = st.sampled_from(list("ab1א\"'.,:;_ \n\r\t漢ก🇩😀\u0301\u200d\u00ad·é"))


@given(st.lists(_LETTERS, max_size=12).map("".join))
def test_words_are_those_of_uniseg(text: str) -> None:
    uniseg = pytest.importorskip("uniseg.wordbreak")
    data, bounds = text_buffers(pa.array([text], pa.large_string()))
    starts, ends = np.empty(len(text.encode()) + 1, np.int64), np.empty(len(text.encode()) + 1, np.int64)
    tables = character_classes(), default_word_breaks()
    count = unicode_words(data, bounds[0], bounds[1], *tables, starts, ends)
    words = [text.encode()[start:end].decode() for start, end in zip(starts[:count], ends[:count], strict=True)]
    assert words == [word for word in uniseg.words(text) if word[0].isalnum()]


def repetition_reference(words: list[str], n: int) -> float | None:
    """DCLM's share of an n-gram, from its definition."""
    grams = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
    counts, letters = Counter(grams), sum(map(len, words))
    most = max(counts.values(), default=0)
    if not letters:
        return None
    if n < 5:
        longest = max((sum(map(len, gram)) for gram, count in counts.items() if count == most), default=0)
        return most * longest / letters if most > 1 else 0.0
    covered = {start + step for start, gram in enumerate(grams) if counts[gram] > 1 for step in range(n)}
    return sum(len(words[place]) for place in covered) / letters


@given(st.lists(st.sampled_from(["a", "bb", "ccc", "d"]), max_size=40))
def test_shares_of_n_grams_are_those_of_the_definition(words: list[str]) -> None:
    batch = pa.record_batch({"text": pa.array([", ".join(words)], pa.large_string())})
    row = RefinedWebFilter()(batch).to_pylist()[0]
    for n in range(2, 11):
        name = f"refinedweb_top_{n}_gram" if n < 5 else f"refinedweb_copied_{n}_grams"
        assert row[name] == repetition_reference(words, n), n


_PARTS = ["see ", " ", "\n", "http://", "www", ".", "com", "co.uk", "-", "/a?b=1", "(", ")", "é"]
_PARTS += ["e.g. ", "рф", "xn--p1ai", "x" * 130]


@given(st.lists(st.sampled_from(_PARTS), max_size=25).map("".join))
def test_urls_are_those_that_the_pattern_finds_anywhere(text: str) -> None:
    url = _patterns()[1]
    assert without_named_urls(text) == url.subn("", text)
