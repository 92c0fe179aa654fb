"""The recipe `minhash` on a corpus whose every pair of Jaccard 0.2 or more is recorded: precise, complete, the same."""

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from benchmarks.texts import read_lines
from pipeline import Recipe, run
from tests.pipeline.conftest import published

IDENTITY = ["file", "offset", "ordinal"]
#: The recorded similarities are of words, also in texts with a few characters of scripts without blanks.
WORDS = ["minhash_dedup.unit=words", "task_bytes=5MB"]
THRESHOLD = 0.8


class Outcome(NamedTuple):
    kept: set[str]
    removed: set[str]
    survivor: dict[str, str]
    pairs: dict[frozenset[str], float]


@pytest.fixture(scope="module")
def truth(shared_data: Path) -> dict[frozenset[str], float]:
    pairs = pl.read_parquet(shared_data / "neardup/dev_pairs.parquet")
    return {frozenset(row[:2]): row[2] for row in pairs.select("id_a", "id_b", "jaccard_word5").iter_rows()}


@pytest.fixture(scope="module")
def corpus(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as one plain file, which can be split."""
    path = tmp_path_factory.mktemp("neardup") / "docs.jsonl"
    path.write_bytes(b"\n".join(read_lines(shared_data / "neardup/dev_docs.jsonl.zst")) + b"\n")
    return path


def deduplicated(corpus: Path, out: Path, *settings: str, executor: str = "inline") -> Path:
    run(Recipe.load("minhash", [*WORDS, *settings]), [corpus], out, executor=executor, quiet=True)
    return out


def outcome(out: Path) -> Outcome:
    documents, rejects, duplicates = (
        pl.read_parquet(out / name / "*.parquet").with_columns(pl.selectors.categorical().cast(pl.String))
        for name in ("documents", "rejects", "duplicates")
    )
    ids = {row[:3]: row[3] for table in (documents, rejects) for row in table.select(*IDENTITY, "id").iter_rows()}

    def named(row: dict, side: str) -> str:
        return ids[tuple(row[f"{name}_{side}"] for name in IDENTITY)]

    pairs = {frozenset((named(r, "a"), named(r, "b"))): r["jaccard"] for r in duplicates.iter_rows(named=True)}
    values = [json.loads(text)["survivor"] for text in rejects["values"]]
    survivor = {
        removed: ids[tuple(value[name] for name in IDENTITY)]
        for removed, value in zip(rejects["id"], values, strict=True)
    }
    return Outcome(set(documents["id"]), set(rejects["id"]), survivor, pairs)


@pytest.fixture(scope="module")
def components(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deduplicated(corpus, tmp_path_factory.mktemp("components") / "run")


def test_every_recorded_pair_is_truly_similar_and_nearly_all_such_pairs_are_found(
    components: Path, truth: dict[frozenset[str], float]
) -> None:
    found = outcome(components).pairs
    assert {pair: truth[pair] for pair in found} == pytest.approx(found, abs=1e-12)
    assert min(found.values()) >= THRESHOLD
    similar = [pair for pair, jaccard in truth.items() if jaccard >= THRESHOLD]
    assert len(similar) > 3000
    assert sum(pair in found for pair in similar) / len(similar) >= 0.98


def test_components_removes_what_truly_similar_pairs_connect_to_one_that_stays(
    components: Path, truth: dict[frozenset[str], float]
) -> None:
    result = outcome(components)
    linked = defaultdict(set)
    for pair in result.pairs:
        a, b = pair
        linked[a].add(b)
        linked[b].add(a)

    @cache
    def component(document: str) -> frozenset[str]:
        reached, waiting = {document}, [document]
        while waiting:
            new = linked[waiting.pop()] - reached
            reached |= new
            waiting += new
        return frozenset(reached)

    for removed, survivor in result.survivor.items():
        assert survivor in component(removed)
        assert component(removed) & result.kept == {survivor}
    assert all(len(component(kept) & result.kept) == 1 for kept in result.kept)


def test_star_removes_only_what_has_a_truly_similar_twin_that_stays(
    corpus: Path, tmp_path: Path, truth: dict[frozenset[str], float]
) -> None:
    result = outcome(deduplicated(corpus, tmp_path / "run", "minhash_dedup.clusters=star"))
    assert len(result.removed) > 2000
    for removed, survivor in result.survivor.items():
        assert survivor in result.kept
        assert truth[frozenset((removed, survivor))] >= THRESHOLD


@pytest.fixture
def ray() -> Iterator[None]:
    pytest.importorskip("ray")
    from benchmarks.ray_cluster import ray_cluster

    with ray_cluster():
        yield


def content(out: Path) -> tuple[list[tuple], list[tuple]]:
    """What was kept and removed and the proof, in the order of the corpus, whatever files hold it."""
    result = outcome(out)
    return sorted(result.survivor.items()), sorted((sorted(pair), jaccard) for pair, jaccard in result.pairs.items())


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [1, 7])
def test_any_number_of_tasks_gives_the_same(corpus: Path, components: Path, tmp_path: Path, tasks: int) -> None:
    task_bytes = corpus.stat().st_size // tasks + 10_000
    out = deduplicated(corpus, tmp_path / "run", f"task_bytes={task_bytes}")
    assert len(list((out / "documents").glob("*.parquet"))) == tasks
    assert content(out) == content(components)


@pytest.mark.slow
def test_ray_gives_the_same_bytes(corpus: Path, components: Path, tmp_path: Path, ray: None) -> None:
    assert published(deduplicated(corpus, tmp_path / "run", executor="ray")) == published(components)
