"""A small corpus of text lines, a recipe that has every kind of stage but the costly ones, and an object store."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.pipeline.s3_server import Network

RECIPE: dict[str, Any] = {
    "name": "lines",
    "task_bytes": "20kB",
    "batch_bytes": "32kB",
    "stages": [
        "tests.pipeline.line_stages:Lines",
        {"tests.pipeline.line_stages:Length": {"label": "length", "least": 3}},
        "tests.pipeline.line_stages:Fragile",
        {"exact_dedup": {"buckets": 3}},
        {"filter": {"name": "too_long", "drop_if": "length_characters > 400"}},
    ],
}


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of 300 lines: good, short, bad, raising, erroneous and repeated ones."""
    folder = tmp_path_factory.mktemp("lines")
    chance = random.Random(7)
    kinds = ["bad line", "x", "this has raise in it", "this has error in it", "the same line again"]
    for number in range(3):
        lines = []
        for line in range(300):
            if chance.random() < 0.3:
                kind = chance.choice(kinds)
                lines.append(kind if kind in ("x", kinds[-1]) else f"{kind} {number} {line}")
            else:
                lines.append(" ".join(f"word{chance.randrange(3000)}" for _ in range(chance.randrange(10, 60))))
        (folder / f"part-{number}.txt").write_text("\n".join(lines) + "\n")
    return folder


def published(run: Path) -> dict[str, str]:
    """sha256 of every published file by its name in the run directory."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("documents", "rejects", "duplicates", "tokenizer", "shards")
        for path in sorted((run / folder).glob("*"))
    }


@pytest.fixture(scope="session")
def s3() -> Iterator[tuple[str, Network]]:
    from tests.pipeline.s3_server import s3_server

    with s3_server() as found:
        yield found


@pytest.fixture
def bucket(s3: tuple[str, Network], monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """A bucket `crawl` of a real S3 endpoint, and the network before it, which fails nothing until it is told to."""
    import boto3

    url, network = s3
    network.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-shown")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket="crawl")
    yield network
    network.reset()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="crawl"):
        for entry in page.get("Contents", ()):
            client.delete_object(Bucket="crawl", Key=entry["Key"])
