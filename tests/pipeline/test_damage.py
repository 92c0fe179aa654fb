"""Files that were damaged behind the engine's back are noticed, and the same command mends them."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from pipeline import Recipe, run
from pipeline.errors import RunError
from tests.pipeline.conftest import RECIPE, published


@pytest.fixture(scope="module")
def finished(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    return out


def flip(path: Path) -> None:
    """Change a tenth of the bytes, the size staying as it is."""
    data = bytearray(path.read_bytes())
    middle, tenth = len(data) // 2, max(1, len(data) // 10)
    data[middle : middle + tenth] = bytes(byte ^ 0xFF for byte in data[middle : middle + tenth])
    path.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damaged", "reader"),
    [
        ("curate-*/documents/part-00001.arrow", "survivors"),
        ("exact_dedup.keys-*/keys/keys-00001.arrow", "exact_dedup.match"),
        ("exact_dedup.match-*/removals/*.arrow", "survivors"),
    ],
)
def test_a_damaged_intermediate_is_made_again(
    lines: Path, finished: Path, tmp_path: Path, damaged: str, reader: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    file = max(out.glob(f"work/{damaged}"), key=lambda path: path.stat().st_size)
    flip(file)
    for manifest in out.glob(f"work/{reader}-*/manifests/*.json"):
        manifest.unlink()
    with pytest.raises(RunError, match=rf"{file.name}: is damaged, so .* must run again"):
        run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)


def test_a_damaged_published_file_is_published_anew(lines: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    file = out / "documents" / "part-00000.parquet"
    file.write_bytes(b"garbage")
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)
    file.unlink()
    shutil.copyfile(out / "documents" / "part-00001.parquet", file)
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)


@pytest.mark.parametrize("content", ["[]", '{"documents": 3}', "{", ""])
def test_a_damaged_record_of_what_is_published_does_not_matter(
    lines: Path, finished: Path, tmp_path: Path, content: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    (out / "published.json").write_text(content)
    run(Recipe.parse(RECIPE), [lines], out, executor="inline", quiet=True)
    assert published(out) == published(finished)


def test_all_rejects_have_the_same_columns(finished: Path) -> None:
    rejects = pl.read_parquet(finished / "rejects" / "*.parquet")
    duplicates = rejects.filter(pl.col("rule") == "exact_duplicate")
    assert len(duplicates) > 0
    assert duplicates["expression"].null_count() == duplicates["values"].null_count() == 0
