"""The rule sets of gopher, c4 and fineweb decide as the releases of datatrove that their profiles are named after."""

import json
from pathlib import Path

import pytest

from benchmarks.rule_agreement import (
    RULE_SETS,
    Tally,
    ask_datatrove,
    compare_given,
    datatrove_environment,
    measure,
    text_hash,
)
from benchmarks.texts import read_texts
from stages.rules.profile import DEFAULT
from stages.words import split

GOLDEN = Path(__file__).parents[1] / "golden" / "rule_decisions.jsonl"


def test_recorded_decisions_of_datatrove_on_real_pages(shared_data: Path) -> None:
    """Renewed by `python -m benchmarks.rule_agreement --in ../shared/data/wet --documents 300
    --record tests/golden/rule_decisions.jsonl`."""
    cases = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    pages = {text_hash(text): text for text in read_texts(shared_data / "wet" / "dev.warc.wet.gz")}
    texts = [pages[case["text"]] for case in cases]
    assert [text_hash("\n".join(split(text))) for text in texts] == [case["words"] for case in cases]
    measured = measure(texts, DEFAULT)
    edited = [text_hash(text) for text in measured["open_c4"].batch.column("text").to_pylist()]
    dropped = [case["edited"] is None for case in cases]
    for name in RULE_SETS:
        recorded = [case[name] for case in cases]
        mine = measured[name].reasons()
        if name == "chain":
            mine = [None if is_dropped else reason for reason, is_dropped in zip(mine, dropped, strict=True)]
        assert mine == recorded, name
    assert all(mine == case["edited"] or case["edited"] is None for mine, case in zip(edited, cases, strict=True))


@pytest.mark.parametrize("profile", [DEFAULT, "fineweb-v1"])
def test_decisions_with_datatroves_words_and_sentences(shared_data: Path, profile: str) -> None:
    compare_with_datatrove(list(read_texts(shared_data / "wet" / "dev.warc.wet.gz"))[::80], profile)


@pytest.mark.slow
@pytest.mark.parametrize("profile", [DEFAULT, "fineweb-v1"])
def test_every_decision_on_all_real_texts(shared_data: Path, profile: str) -> None:
    compare_with_datatrove(list(dict.fromkeys(read_texts(shared_data))), profile)


def compare_with_datatrove(texts: list[str], profile: str) -> None:
    if datatrove_environment(profile) is None:
        pytest.skip("datatrove is not here: run `make peers` or set CORPUSMILL_PEERS_PYTHON")
    tally, verdicts = Tally(), ask_datatrove(texts, profile)
    for start in range(0, len(texts), 200):
        chunk = texts[start : start + 200]
        compare_given(tally, chunk, [next(verdicts) for _ in chunk], profile)
    report = tally.as_object()
    assert {name: one["different"] for name, one in report["rule_sets"].items()} == {name: [] for name in RULE_SETS}
    assert report["documents"] == len(texts)
    for name in ("c4", "open_c4"):
        assert report[f"{name}_edited_equal"] == report[f"{name}_edited"] > 0
