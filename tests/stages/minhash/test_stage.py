"""Near-duplicate removal through the engine: accounted for, checkable from what it publishes, task-invariant."""

import json
import re
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import zstandard

from pipeline import Recipe, run
from stages.minhash.signatures import band_keys, signatures

IDENTITY = ["file", "offset", "ordinal"]
ODD = ["", " … ", "", "Read more", "read more!", "Read less", "READ MORE"]


@pytest.fixture(scope="module")
def corpus(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About a thousand documents of the near-duplicate corpus in two files, with short and empty texts."""
    packed = (shared_data / "neardup/dev_docs.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(packed).read().decode().splitlines()
    truth = pl.read_parquet(shared_data / "neardup/dev_docs_truth.parquet")
    chosen = set(truth.filter(pl.col("cluster") < 250)["id"].head(1000))
    rows = [row for row in map(json.loads, lines) if row["id"] in chosen]
    rows[3:3] = [{"id": f"odd {i}", "text": text} for i, text in enumerate(ODD)]
    folder = tmp_path_factory.mktemp("corpus")
    for name, part in (("a.jsonl", rows[:400]), ("b.jsonl", rows[400:])):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    return folder


def deduplicate(
    corpus: Path,
    out: Path,
    task_bytes: int = 300_000,
    batch_bytes: int = 64_000_000,
    quiet: bool = True,
    **stage: object,
) -> Path:
    recipe = {
        "name": "near",
        "task_bytes": task_bytes,
        "batch_bytes": batch_bytes,
        "stages": ["jsonl", {"minhash_dedup": stage}],
    }
    run(Recipe.parse(recipe), [corpus], out, executor="inline", quiet=quiet)
    return out


VERIFIED: dict[str, object] = {"verify": "jaccard", "threshold": 0.8}


@pytest.fixture(scope="module")
def verified(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deduplicate(corpus, tmp_path_factory.mktemp("verified") / "run", **VERIFIED)


@pytest.fixture(scope="module")
def finished(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deduplicate(corpus, tmp_path_factory.mktemp("near") / "run")


@pytest.mark.parametrize(
    ("change", "runs_again"),
    [
        ({"threshold": 0.6}, {"resolve"}),
        ({"clusters": "star", "keep": ["-length"]}, {"gather", "resolve"}),
        ({"compare_at_most": 2}, {"match", "merge", "connect", "route", "gather", "resolve"}),
        ({"recall_sample": 50}, {f"recall_{step}" for step in ("draw", "pick", "texts", "compare", "count")}),
        ({"bands": 10}, {"sign", "match", "merge", "connect", "route", "gather", "resolve"}),
    ],
    ids=["threshold", "clusters", "pairs", "recall", "bands"],
)
def test_a_change_runs_the_steps_that_depend_on_it_and_ends_as_a_new_run_does(
    corpus: Path, verified: Path, tmp_path: Path, change: dict[str, object], runs_again: set[str]
) -> None:
    shutil.copytree(verified, tmp_path / "run")
    stage = VERIFIED | change

    before = {folder.name for folder in (tmp_path / "run/work").iterdir()}
    deduplicate(corpus, tmp_path / "run", **stage)
    made = {folder.name for folder in (tmp_path / "run/work").iterdir()} - before
    deduplicate(corpus, tmp_path / "new", **stage)

    steps = {name.removeprefix("minhash_dedup.").rpartition("-")[0] for name in made if name.startswith("minhash")}
    assert steps == runs_again
    for name in ("documents", "rejects", "duplicates"):
        assert table(tmp_path / "run", name).equals(table(tmp_path / "new", name))


def test_a_step_that_ignores_less_than_before_blames_what_was_changed(
    corpus: Path, verified: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(verified, tmp_path / "run")
    deduplicate(corpus, tmp_path / "run", quiet=False, **VERIFIED, write_index=True)

    said = capsys.readouterr().err
    assert re.search(r"minhash_dedup.sign: \d+ tasks, runs because minhash_dedup.write_index false -> true\n", said)
    assert "null" not in said


def table(run_folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(run_folder / name / "*.parquet").with_columns(pl.selectors.categorical().cast(pl.String))


def test_every_removed_document_is_connected_to_its_survivor_by_recorded_pairs(finished: Path) -> None:
    neighbours = defaultdict(set)
    for row in table(finished, "duplicates").iter_rows(named=True):
        a, b = (tuple(row[f"{name}_{side}"] for name in IDENTITY) for side in "ab")
        neighbours[a].add(b)
        neighbours[b].add(a)
    kept = {
        row[:3]: row[3] for row in table(finished, "documents").select(*IDENTITY, "minhash_dedup_cluster_size").rows()
    }
    removed = set(table(finished, "rejects").select(IDENTITY).rows())
    assert len(removed) > 100
    reached = set()
    for survivor, size in kept.items():
        component, frontier = {survivor}, [survivor]
        while frontier:
            new = neighbours[frontier.pop()] - component
            component |= new
            frontier += new
        assert component & set(kept) == {survivor}
        assert len(component) == size
        assert min(component) == survivor
        reached |= component - {survivor}
    assert reached == removed


def test_every_recorded_pair_shares_as_many_bands_as_it_says(finished: Path) -> None:
    documents = pl.concat(
        [table(finished, name).select(*IDENTITY, "text") for name in ("documents", "rejects")]
    ).with_row_index("row")
    minima = signatures(documents["text"].to_arrow()).minima
    keys = band_keys(minima, rows=8)
    pairs = table(finished, "duplicates")
    for side in "ab":
        names = [f"{name}_{side}" for name in IDENTITY]
        pairs = pairs.join(
            documents.select(pl.col("row").alias(side), *IDENTITY), left_on=names, right_on=IDENTITY, how="left"
        )
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    shared = (keys[a] == keys[b]).sum(axis=1)
    assert (pairs["bands"].to_numpy() >= 1).all()
    assert (pairs["bands"].to_numpy() <= shared).all()
    np.testing.assert_allclose(pairs["estimated_jaccard"].to_numpy(), (minima[a] == minima[b]).mean(axis=1))
    assert pairs["jaccard"].null_count() == len(pairs)


def test_empty_texts_stay_and_short_ones_go_only_where_their_words_are_equal(finished: Path) -> None:
    kept = set(table(finished, "documents")["id"])
    assert [f"odd {i}" in kept for i in range(len(ODD))] == [True, True, True, True, False, True, False]


def test_removed_rows_say_rule_and_survivor(finished: Path) -> None:
    rejects = table(finished, "rejects")
    assert set(rejects["rule"]) == {"near_duplicate"}
    assert set(rejects["outcome"]) == {"dropped"}
    assert set(rejects["stage"]) == {"minhash_dedup"}


@pytest.mark.parametrize("clusters", ["components", "star"])
def test_very_many_copies_cost_few_pairs_and_one_stays(tmp_path: Path, clusters: str) -> None:
    text = " ".join(f"word{number}" for number in range(40))
    (tmp_path / "copies.jsonl").write_text(
        "".join(json.dumps({"text": f"{text}{'!' * (n % 3)}"}) + "\n" for n in range(6000))
    )
    out = deduplicate(
        tmp_path / "copies.jsonl", tmp_path / "run", verify="jaccard", clusters=clusters, compare_at_most=8
    )
    assert len(table(out, "documents")) == 1
    assert table(out, "documents")["minhash_dedup_cluster_size"].to_list() == [6000]
    assert len(table(out, "duplicates")) < 8 * 6000


@pytest.mark.parametrize(
    "settings",
    [{"task_bytes": 40_000}, {"task_bytes": 100_000_000, "batch_bytes": 5000}, {"key_ranges": 3}],
    ids=lambda settings: ",".join(settings),
)
def test_tasks_batches_and_ranges_do_not_change_the_result(
    corpus: Path, finished: Path, tmp_path: Path, settings: dict[str, int]
) -> None:
    other = deduplicate(corpus, tmp_path / "run", **settings)
    for name in ("documents", "rejects"):
        assert table(other, name).sort(IDENTITY).equals(table(finished, name).sort(IDENTITY)), name
    pair = [f"{name}_{side}" for side in "ab" for name in IDENTITY]
    left, right = (table(place, "duplicates").sort(*pair) for place in (other, finished))
    assert left.equals(right)


def test_after_exact_removal_only_what_is_left_is_compared(corpus: Path, finished: Path, tmp_path: Path) -> None:
    doubled = tmp_path / "corpus"
    doubled.mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        (doubled / name).write_text((corpus / name).read_text())
    (doubled / "c.jsonl").write_text((corpus / "b.jsonl").read_text())
    recipe = {"name": "both", "task_bytes": 300_000, "stages": ["jsonl", "exact_dedup", "minhash_dedup"]}
    run(Recipe.parse(recipe), [doubled], tmp_path / "run", executor="inline", quiet=True)
    kept, rejects = table(tmp_path / "run", "documents"), table(tmp_path / "run", "rejects")
    # Equal texts are near-duplicates too, so the same ones stay, but for the second of the empty texts:
    # these are exact duplicates, though never near ones.
    assert set(table(finished, "documents")["id"]) == {*kept["id"], "odd 2"}
    assert set(rejects.filter(pl.col("file").str.ends_with("c.jsonl"))["rule"]) == {"exact_duplicate"}
    assert "near_duplicate" in set(rejects["rule"])
