"""A small corpus whose duplicates are known, and a finished run over it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from pipeline import Recipe, run

STAGES = [
    "jsonl",
    "url_dedup",
    "exact_dedup",
    {"minhash_dedup": {"bands": 32, "rows": 3, "verify": "jaccard", "threshold": 0.7, "recall_sample": 50}},
]


def edited(words: list[str], start: int, count: int) -> list[str]:
    """The words with `count` others in the place of those from `start` on."""
    return [*words[:start], *(f"new{start}x{number}" for number in range(count)), *words[start + count :]]


def page(number: int, words: list[str] | str, host: str = "one.example", date: str = "2020-01-01") -> dict[str, str]:
    text = words if isinstance(words, str) else " ".join(words)
    return {"id": f"d{number}", "url": f"https://{host}/{number}", "date": date, "text": text}


@pytest.fixture(scope="session")
def duplicates_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages d0 to d3 in a chain, d10 to d15 alike, d20 and d21 equal, d30 older at the URL of d31, others alone."""
    draw = random.Random(5)
    texts = [[f"w{draw.randrange(100_000)}" for _ in range(200)] for _ in range(60)]
    chain = [texts[0]]
    for step in range(1, 4):
        chain.append(edited(chain[-1], 50 * step, 16))
    rows = [page(number, words) for number, words in enumerate(chain)]
    rows += [page(10 + number, edited(texts[1], 10 * number, 1), "two.example") for number in range(6)]
    rows += [page(20, texts[2]), page(21, texts[2], "three.example")]
    rows += [page(30, texts[3]), {**page(30, edited(texts[3], 0, 1), date="2021-01-01"), "id": "d31"}]
    rows += [page(40, ""), page(41, "read more")]
    rows += [page(50 + number, texts[10 + number]) for number in range(50)]
    folder = tmp_path_factory.mktemp("duplicates")
    for name, part in (("a.jsonl", rows[:8]), ("b.jsonl", rows[8:])):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    return folder


def deduplicated(corpus: Path, out: Path, **settings: object) -> Path:
    recipe = Recipe.parse({"name": "mine", "stages": STAGES, **settings})
    run(recipe, [corpus], out, executor="inline", quiet=True)
    return out


@pytest.fixture(scope="session")
def deduplicated_run(duplicates_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deduplicated(duplicates_corpus, tmp_path_factory.mktemp("deduplicated") / "run")
