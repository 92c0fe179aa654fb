"""datatrove's blocks as stages: they drop and change what they do in datatrove's own pipeline."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from pipeline import Recipe, run
from pipeline.errors import RecipeError
from stages.base import StageError
from stages.datatrove_block import DatatroveBlock

filters = pytest.importorskip("datatrove.pipeline.filters", reason="datatrove is not installed")
from datatrove.data import Document  # noqa: E402
from datatrove.pipeline.formatters import PIIFormatter, SymbolLinesFormatter  # noqa: E402

TEXTS = [
    "Write to one@example.net or two@example.net, or to 8.8.8.8.",
    "A page of Lorem ipsum and nothing else.",
    "first line\n\n***\nlast line of a page with 10.0.0.1 and three@example.net",
    "",
    "\n".join(["a paragraph of more than two hundred characters " * 5] * 3),
]


def ours(block: str, texts: list[str] = TEXTS, **options: Any) -> pl.DataFrame:
    frame = pl.DataFrame({"text": texts, "id": [str(number) for number in range(len(texts))]})
    return DatatroveBlock(block=block, options=options).apply(frame)


def theirs(block: Any, texts: list[str] = TEXTS) -> Iterator[Document]:
    return block.run(Document(text=text, id=str(number)) for number, text in enumerate(texts))


@pytest.mark.parametrize(
    ("name", "options"), [("RegexFilter", {"regex_exp": "(?i)lorem ipsum"}), ("C4ParagraphFilter", {})]
)
def test_a_filter_keeps_what_it_keeps_in_datatrove(name: str, options: dict[str, Any]) -> None:
    kept = [document.id for document in theirs(getattr(filters, name)(**options))]
    frame = ours(name, **options)
    assert frame.filter(pl.col("rule").is_null())["id"].to_list() == kept
    assert 0 < len(kept) < len(TEXTS)


@pytest.mark.parametrize("formatter", [PIIFormatter, SymbolLinesFormatter])
def test_a_formatter_changes_texts_as_in_datatrove(formatter: Any) -> None:
    frame = ours(formatter.__name__)
    assert frame["text"].to_list() == [document.text for document in theirs(formatter())]
    changed = next(column for column in frame.columns if column.endswith("_changed"))
    assert frame[changed].to_list() == [new != old for new, old in zip(frame["text"], TEXTS, strict=True)]
    assert frame[changed].sum() >= 1


class Fragile:
    """A block of a user's: fails at one text, gives a reason and notes something at another."""

    batch_size = 2

    def filter(self, document: Document) -> bool | tuple[bool, str]:
        if "***" in document.text:
            raise ValueError("cannot\nread it")
        document.metadata["letters"] = len(document.text)
        return (False, "ipsum") if "ipsum" in document.text else True

    def filter_batch(self, batch: list[Document]) -> list[bool | tuple[bool, str]]:
        return [self.filter(document) for document in batch]


def test_a_run_drops_with_the_reason_and_quarantines_what_fails(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS if text))
    stage = {"datatrove": {"block": f"{__name__}:Fragile"}}
    run(Recipe.parse({"name": "adapted", "stages": ["jsonl", stage]}), [tmp_path / "in.jsonl"], tmp_path / "run")
    rejects = pl.read_parquet(tmp_path / "run" / "rejects" / "*.parquet").sort("offset")
    assert rejects["outcome"].to_list() == ["dropped", "quarantined"]
    assert rejects["rule"][0] == "fragile"
    assert json.loads(rejects["values"][0]) == {"fragile_reason": "ipsum"}
    assert rejects["error"][1] == "datatrove: ValueError: cannot read it"
    documents = pl.read_parquet(tmp_path / "run" / "documents" / "*.parquet")
    assert json.loads(documents["fragile_metadata"][0]) == {"letters": len(TEXTS[0])}


def test_every_task_has_a_block_of_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"text": f"{name}@example.net", "pad": "x" * 4096}) + "\n")
    recipe = Recipe.parse(
        {"name": "adapted", "task_bytes": 4096, "stages": ["jsonl", {"datatrove": {"block": "PIIFormatter"}}]}
    )
    run(recipe, [tmp_path / "a.jsonl", tmp_path / "b.jsonl"], tmp_path / "run")
    texts = pl.read_parquet(tmp_path / "run" / "documents" / "*.parquet")["text"].to_list()
    assert texts == ["email@example.com"] * 2, "one block for both would have gone on to its second replacement"


@pytest.mark.parametrize(
    ("block", "options", "message"),
    [
        ("RegexFilters", {}, "no class 'RegexFilters'"),
        ("RegexFilter", {"pattern": "x"}, "RegexFilter cannot be built: TypeError"),
        ("RegexFilter", {"regex_exp": "x", "exclusion_writer": 1}, "leave out exclusion_writer"),
        ("json:JSONDecoder", {}, "neither a filter nor a formatter"),
        ("no_such_package:Filter", {}, "cannot be loaded"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_plan(
    block: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(StageError, match=message):
        DatatroveBlock(block=block, options=options)(pa.record_batch({"text": ["x"]}))
    (tmp_path / "in.jsonl").write_text('{"text": "x"}\n')
    stages = ["jsonl", {"datatrove": {"block": block, "options": options}}]
    with pytest.raises((RecipeError, StageError), match=message):
        run(Recipe.parse({"name": "bad", "stages": stages}), [tmp_path / "in.jsonl"], tmp_path / "run")


class Needy:
    """A block that misses a package only when it sees a document."""

    batch_size = 1

    def filter_batch(self, batch: list[Document]) -> list[bool]:
        raise ImportError("Please install `nowhere` to use it")


def test_a_package_that_is_missing_fails_the_run_instead_of_quarantining_every_document(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "x"}\n')
    recipe = Recipe.parse({"name": "needy", "stages": ["jsonl", {"datatrove": {"block": f"{__name__}:Needy"}}]})
    with pytest.raises((RecipeError, StageError), match="Needy lacks a package: Please install"):
        run(recipe, [tmp_path / "in.jsonl"], tmp_path / "run")


class Offline:
    """A block that loads a model at its first document from where none is, as a client of the web does."""

    batch_size = 2
    asked = 0

    def filter(self, document: Document) -> bool:
        Offline.asked += 1
        try:
            socket.create_connection(("127.0.0.1", 0), timeout=5)
        except OSError as error:
            raise RuntimeError("no answer") from error
        return True

    def filter_batch(self, batch: list[Document]) -> list[bool]:
        return [self.filter(document) for document in batch]


class Hopeless:
    """A block that fails at every text."""

    def format(self, text: str) -> str:
        raise ValueError("not like this")


def test_a_network_that_is_missing_is_asked_for_once_and_fails_the_stage() -> None:
    Offline.asked = 0
    with pytest.raises(StageError, match=r"Offline lacks what it needs.*RuntimeError: no answer"):
        ours(f"{__name__}:Offline")
    assert Offline.asked == 1


def test_a_missing_model_and_a_block_that_fails_everywhere_fail_the_run(tmp_path: Path) -> None:
    pytest.importorskip("fasttext")
    (tmp_path / "in.jsonl").write_text('{"text": "x"}\n{"text": "y"}\n')
    fasttext = {"block": "FastTextClassifierFilter", "options": {"model_url": str(tmp_path / "absent.bin")}}
    hopeless = {"block": f"{__name__}:Hopeless"}
    for options, message in (
        (fasttext, r"FileNotFoundError: .*absent\.bin"),
        (hopeless, "fails on every row.*like this"),
    ):
        recipe = Recipe.parse({"name": "failing", "stages": ["jsonl", {"datatrove": options}]})
        with pytest.raises((RecipeError, StageError), match=message):
            run(recipe, [tmp_path / "in.jsonl"], tmp_path / str(options["block"]).replace(":", "-"))
