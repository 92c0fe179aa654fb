"""Items planted in real texts: what is found of them exactly, in other letters, in part and with words changed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.texts import first_texts
from stages.decontamination.stage import Decontaminate

ITEMS = 150


def changed_case(words: list[str]) -> list[str]:
    return [word.upper() + "," if place % 3 else f"«{word.lower()}»" for place, word in enumerate(words)]


def half(words: list[str]) -> list[str]:
    return words[: len(words) // 2]


def every_20th_changed(words: list[str]) -> list[str]:
    return ["otherwise" if place % 20 == 10 else word for place, word in enumerate(words)]


def every_10th_changed(words: list[str]) -> list[str]:
    return ["otherwise" if place % 10 == 5 else word for place, word in enumerate(words)]


#: Edit, share of the planted documents that is found, least and most. A run of 13 words is left by the first three.
EDITS: list[tuple[Callable[[list[str]], list[str]], float, float]] = [
    (list, 1.0, 1.0),
    (changed_case, 1.0, 1.0),
    (half, 1.0, 1.0),
    (every_20th_changed, 1.0, 1.0),
    (every_10th_changed, 0.0, 0.05),
]


@pytest.fixture(scope="module")
def hosts(shared_data: Path) -> list[str]:
    return first_texts(shared_data / "text" / "english_tech.jsonl.zst", 4e6)


@pytest.fixture(scope="module")
def items(shared_data: Path) -> list[list[str]]:
    chance = random.Random(5)
    stories = [text.split() for text in first_texts(shared_data / "text" / "stories.jsonl.zst", 2e6)]
    stories = [words for words in stories if len(words) > 200]
    starts = [(words, chance.randrange(50, len(words) - 100)) for words in chance.choices(stories, k=ITEMS)]
    return [words[start : start + chance.randrange(45, 70)] for words, start in starts]


@pytest.fixture(scope="module")
def stage(items: list[list[str]], tmp_path_factory: pytest.TempPathFactory) -> Decontaminate:
    path = tmp_path_factory.mktemp("items") / "stories.jsonl"
    path.write_text("".join(json.dumps({"question": " ".join(words), "answer": "yes"}) + "\n" for words in items))
    return Decontaminate(benchmarks=(path,), action="tag")


@pytest.mark.parametrize(("edit", "least", "most"), EDITS, ids=[edit.__name__ for edit, _, _ in EDITS])
def test_recall_of_planted_items(
    hosts: list[str],
    items: list[list[str]],
    stage: Decontaminate,
    edit: Callable[[list[str]], list[str]],
    least: float,
    most: float,
) -> None:
    chance = random.Random(6)
    texts = []
    for words in items:
        host = chance.choice(hosts)
        place = chance.randrange(len(host))
        texts.append(f"{host[:place]} {' '.join(edit(words))} {host[place:]}")
    found = stage(pa.record_batch({"text": pa.array(texts, pa.large_string())})).to_pylist()
    right = [row["contamination_item"] == number for number, row in enumerate(found, 1)]
    assert least <= sum(right) / ITEMS <= most


def test_texts_of_another_kind_hold_none_and_the_items_own_texts_do(
    hosts: list[str], items: list[list[str]], stage: Decontaminate
) -> None:
    clean = stage(pa.record_batch({"text": pa.array(hosts, pa.large_string())}))
    assert sum(clean.column("contamination_ngrams").to_pylist()) == 0
    own = stage(pa.record_batch({"text": pa.array([" ".join(words) for words in items], pa.large_string())}))
    assert min(own.column("contamination_coverage").to_pylist()) == 1.0
