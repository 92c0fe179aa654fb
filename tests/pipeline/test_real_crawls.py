"""The FineWeb-like recipe on real crawls: every record accounted for, the same bytes after any death.

Takes all crawls; `CORPUSMILL_TEST_CRAWLS=dev-odd,dev-policy` names some of them for a quicker look.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from inspector.run_report import run_report
from shards.index import ShardIndex
from tests.pipeline.conftest import published

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crawls(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crawls")
    names = os.environ.get("CORPUSMILL_TEST_CRAWLS")
    for file in sorted((shared_data / "warc").glob("*.warc.gz")):
        if names is None or file.name.removesuffix(".warc.gz") in names.split(","):
            shutil.copyfile(file, folder / file.name)
    return folder


def curate(crawls: Path, out: Path, workers: int = 2, fault: str | None = None, *settings: str) -> int:
    command = [sys.executable, "-m", "corpusmill", "run", "fineweb", "--in", str(crawls), "--out", str(out), "--quiet"]
    command += ["--workers", str(workers), *(part for setting in settings for part in ("--set", setting))]
    environment = dict(os.environ)
    if fault is not None:
        environment["CORPUSMILL_FAULT"] = fault
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=600).returncode


@pytest.fixture(scope="module")
def undisturbed(crawls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    assert curate(crawls, out, workers=1) == 0
    return out


def test_every_response_record_is_accounted_for(crawls: Path, undisturbed: Path) -> None:
    responses = 0
    for file in crawls.glob("*.warc.gz"):
        with file.open("rb") as stream:
            archive = ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=False)
            responses += sum(1 for _ in archive)
    report = run_report(undisturbed)
    assert report["balanced"]
    assert report["totals"]["read"] == responses


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "fault",
    [
        "batch@curate:1",
        "before_rename@minhash_dedup.sign:1",
        "before_manifest@write_shards.tokenize:1",
        "between_phases@minhash_dedup.connect:*",
        "publication@write_shards.index:*",
        "batch@curate:0;parent",
        "before_rename@write_shards.shuffle:0;parent",
    ],
)
def test_a_killed_run_goes_on_to_the_same_bytes(
    crawls: Path, undisturbed: Path, tmp_path: Path, fault: str, workers: int
) -> None:
    out, marker = tmp_path / "run", tmp_path / "marker"
    first = curate(crawls, out, workers, f"{fault};once={marker}")
    assert marker.exists()
    assert first == 0 or curate(crawls, out, workers) == 0
    assert published(out) == published(undisturbed)


def test_another_split_size_keeps_the_same_documents_and_tokens(
    crawls: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert curate(crawls, out, 2, None, "task_bytes=1MB") == 0
    identity = ["file", "offset", "ordinal"]
    kept = [
        pl.read_parquet(run / "documents" / "*.parquet")
        .select(*identity, "text")
        .cast({"file": pl.String})
        .sort(identity)
        for run in (undisturbed, out)
    ]
    assert kept[0].equals(kept[1])
    tokens = [{s.file: s.tokens_sha256 for s in ShardIndex.load(run / "shards").shards} for run in (undisturbed, out)]
    assert tokens[0] == tokens[1]
