"""What a stage loads counts for as long as its files stay as they are, however many plans a process runs."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from pipeline import Recipe, run
from stages.kept_files import kept_while_files_stay


@pytest.mark.parametrize(
    ("stage", "first", "second"),
    [
        ({"bad_words": {"lists": ["LIST"]}}, "one\n", "two\n"),
        ({"url_filter": {"block_hosts": ["LIST"]}}, "one.org\n", "two.org\n"),
        (
            {"gopher": {"thresholds": ["LIST"], "order": ["quality"], "min_doc_words": 2}},
            "min_avg_word_length: 1\n",
            "min_avg_word_length: 9\n",
        ),
    ],
    ids=["bad_words", "url_filter", "gopher"],
)
def test_a_list_edited_between_two_runs_of_a_process_counts_as_it_is_now(
    tmp_path: Path, stage: dict, first: str, second: str
) -> None:
    rows = [{"text": f"the {name} and of fish", "url": f"http://{name}.org/"} for name in ("one", "two")]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    listed = tmp_path / "list.yml"
    stages = json.loads(json.dumps(["jsonl", stage]).replace("LIST", str(listed)))

    kept = []
    for content, out in ((first, "run"), (second, "run"), (second, "new")):
        listed.write_text(content)
        recipe = Recipe.parse({"name": "r", "stages": stages})
        run(recipe, [tmp_path / "in.jsonl"], tmp_path / out, executor="inline", quiet=True)
        kept.append([pl.read_parquet(file)["text"].to_list() for file in (tmp_path / out / "documents").iterdir()])

    assert kept[0] != kept[1]
    assert kept[1] == kept[2]


def test_files_are_read_again_only_once_they_changed(tmp_path: Path) -> None:
    reads: list[str] = []

    @kept_while_files_stay(most=2)
    def texts(paths: tuple[Path, ...], folder: Path) -> list[str]:
        reads.append("read")
        return [path.read_text() for path in (*paths, *sorted(folder.iterdir()))]

    (tmp_path / "folder").mkdir()
    files = (tmp_path / "a", tmp_path / "folder" / "b")
    for file in files:
        file.write_text("old")
    given = ((files[0],), tmp_path / "folder")

    assert texts(*given) is texts(*given)
    for file in files:
        before = file.stat()
        (tmp_path / "new").write_text("new")
        (tmp_path / "new").replace(file)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert texts(*given) == [other.read_text() for other in files]
    assert texts(*given) == ["new", "new"]
    assert len(reads) == 3


def test_only_the_last_results_are_kept(tmp_path: Path) -> None:
    made: list[int] = []

    @kept_while_files_stay(most=2)
    def number(value: int) -> int:
        made.append(value)
        return value

    for value in (1, 2, 1, 3, 1, 2):
        assert number(value) == value
    assert made == [1, 2, 3, 2]
