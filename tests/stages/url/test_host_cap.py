"""The host cap: no host has more than its share, whatever the tasks, and a table says how many each had."""

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from pipeline import Recipe, run

HOSTS = ["a.one.co.uk", "b.one.co.uk", "two.example", "three.example"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of 40 documents: half of host a, a quarter of b, fewer of the others, two without URL."""
    folder = tmp_path_factory.mktemp("corpus")
    for name in ("x", "y"):
        lines = []
        for number in range(40):
            host = HOSTS[0 if number % 2 == 0 else 1 if number % 4 == 1 else 2 if number % 8 == 3 else 3]
            url = None if number == 39 else f"http://{host}/{number}"
            lines.append(json.dumps({"text": f"document {number} of {name}", "url": url, "padding": "x" * 200}))
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return folder


def capped(corpus: Path, out: Path, task_bytes: int = 1 << 20, **options: object) -> Path:
    stages = ["jsonl", {"host_cap": options}]
    recipe = Recipe.parse({"name": "capped", "task_bytes": task_bytes, "stages": stages})
    run(recipe, [corpus], out)
    return out


def kept_by_host(out: Path) -> Counter[str]:
    urls = pl.read_parquet(out / "documents" / "*.parquet")["url"].to_list()
    return Counter((url or "http://none/").split("/")[2] for url in urls)


@pytest.mark.parametrize("task_bytes", [4096, 1 << 20])
def test_the_first_of_each_host_stay_and_the_others_say_why(corpus: Path, tmp_path: Path, task_bytes: int) -> None:
    out = capped(corpus, tmp_path / "run", task_bytes, max_documents=12, buckets=2)
    assert kept_by_host(out) == {HOSTS[0]: 12, HOSTS[1]: 12, HOSTS[2]: 10, HOSTS[3]: 8, "none": 2}
    kept = pl.read_parquet(out / "documents" / "*.parquet")
    first = kept.filter(pl.col("url").str.contains(HOSTS[0]))
    assert first["text"].to_list() == [f"document {number} of x" for number in range(0, 24, 2)]
    assert not [name for name in kept.columns if name.startswith("host_cap")]
    rejects = pl.read_parquet(out / "rejects" / "*.parquet").filter(pl.col("url").str.contains(HOSTS[1]))
    assert set(rejects["rule"]) == {"host_cap"}
    assert rejects["expression"][0] == "rank > 12"
    assert json.loads(rejects["values"][0]) == {"host": HOSTS[1], "documents": 20, "rank": 13}


def test_the_table_lists_every_host_with_what_was_removed(corpus: Path, tmp_path: Path) -> None:
    out = capped(corpus, tmp_path / "run", max_documents=12)
    table = pl.read_parquet(out / "hosts" / "*.parquet").sort("host")
    assert table.select("host", "documents", "removed").rows() == [
        (HOSTS[0], 40, 28),
        (HOSTS[1], 20, 8),
        (HOSTS[3], 8, 0),
        (HOSTS[2], 10, 0),
    ]
    texts = pl.concat(
        pl.read_parquet(out / folder / "*.parquet").select("url", "text") for folder in ("documents", "rejects")
    )
    mine = texts.filter(pl.col("url").str.contains(HOSTS[3], literal=True))["text"]
    assert table.filter(host=HOSTS[3])["bytes"].item() == mine.str.len_bytes().sum()


def test_a_cap_of_domains_counts_their_hosts_together_and_a_sample_is_of_all(corpus: Path, tmp_path: Path) -> None:
    out = capped(corpus, tmp_path / "one", by="domain", keep="random", max_documents=30)
    kept = kept_by_host(out)
    assert kept[HOSTS[0]] + kept[HOSTS[1]] == 30
    assert kept[HOSTS[0]] > 10 < kept[HOSTS[1]] + 8, "both hosts are in a sample of 30 of their 60"
    texts = pl.read_parquet(out / "documents" / "*.parquet")["text"].to_list()
    again = capped(corpus, tmp_path / "many", 4096, by="domain", keep="random", max_documents=30)
    assert pl.read_parquet(again / "documents" / "*.parquet")["text"].to_list() == texts


def test_without_a_cap_nothing_is_removed(corpus: Path, tmp_path: Path) -> None:
    out = capped(corpus, tmp_path / "run")
    assert kept_by_host(out).total() == 80
    assert pl.read_parquet(out / "hosts" / "*.parquet")["removed"].sum() == 0
