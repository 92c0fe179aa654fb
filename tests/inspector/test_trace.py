"""A trace leads from any token to its page, and the recorded stages give its text again."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from fastwarc.warc import ArchiveIterator

from inspector.artifacts import recognise
from inspector.commands import trace
from inspector.errors import InspectorError
from inspector.trace import trace_position, trace_step
from pipeline.workspace import Workspace
from shards.reader import ShardSet
from stages.base import Filter


def test_every_document_of_every_shard_traces_to_a_page_that_gives_its_text(crawl: Path, whole_run: Path) -> None:
    documents = pl.read_parquet(whole_run / "documents" / "*.parquet")
    traced = 0
    for shard in ShardSet.open(whole_run / "shards").shards:
        for start in shard.offsets[:-1]:
            found = trace_position(whole_run, shard.entry.file, int(start), replay=True)
            assert found["replayed_text_equal"] and found["tokens_decode_to_text"]
            kept = documents.filter((pl.col("file") == found["file"]) & (pl.col("offset") == found["offset"]))
            assert kept["text"].to_list() == [found["text"]]
            with crawl.open("rb") as stream:
                stream.seek(found["offset"])
                record = next(iter(ArchiveIterator(stream, parse_http=False)))
                assert record.headers["WARC-Target-URI"].strip("<>") == found["url"]
            traced += 1
    assert traced == len(documents) > 0


def test_a_trace_names_the_value_of_every_rule_that_was_passed(whole_run: Path) -> None:
    rules = [
        rule.name
        for stage in Workspace(whole_run).load_plan().recipe.stages.values()
        if isinstance(stage, Filter)
        for rule in stage.rules()
    ]
    found = trace_position(whole_run, None, 0, replay=False)
    assert [rule["rule"] for rule in found["rules"]] == rules
    assert all(value is not None for rule in found["rules"] for value in rule["values"].values())


def test_a_position_outside_the_shard_is_one_line(whole_run: Path) -> None:
    with pytest.raises(InspectorError, match="outside"):
        trace_position(whole_run, None, 10**9, replay=False)
    with pytest.raises(InspectorError, match="no shard named 'x'"):
        trace_position(whole_run, "x", 0, replay=False)


@pytest.fixture(scope="module")
def training(whole_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps of a very small model on the run's shards."""
    from trainer.config import parse_config
    from trainer.loop import TorchTrainer

    model = {"layers": 1, "width": 32, "heads": 2, "key_value_heads": 1, "hidden": 64}
    config = {"model": model, "sequence_length": 32, "batch": {"global_batch_size": 2}, "max_steps": 2}
    folder = tmp_path_factory.mktemp("training")
    TorchTrainer().fit(whole_run / "shards", parse_config(config), folder / "model")
    return folder / "model"


def test_a_step_that_was_trained_is_traced_and_no_other(whole_run: Path, training: Path) -> None:
    assert trace_step(whole_run, training, 2, 1, replay=False)[0]["tokens_decode_to_text"]
    with pytest.raises(InspectorError, match=r"--step 3: .* stands at step 2"):
        trace_step(whole_run, training, 3, 0, replay=False)


def test_options_that_would_be_ignored_are_refused(whole_run: Path, training: Path) -> None:
    with pytest.raises(InspectorError, match="need --training"):
        trace(whole_run, step=3)
    with pytest.raises(InspectorError, match="give the one or the other"):
        trace(whole_run, training=training, position=7)


def test_a_training_its_checkpoint_and_its_tokenizer_are_recognised(whole_run: Path, training: Path) -> None:
    checkpoint = next(training.glob("step-*"))
    assert recognise(checkpoint).describe(None, None, 3)[1]["step"] == 2
    with (training / "log.jsonl").open("ab") as log:
        log.write(b"5\n\xff\x00\n" + b"9" * 5000 + b"\n")
    assert recognise(training).describe(None, None, 3)[1]["unreadable_lines"] == 3
    (checkpoint / "checkpoint.json").write_text("{")
    with pytest.raises(InspectorError, match=r"checkpoint\.json: damaged"):
        recognise(checkpoint).describe(None, None, 3)
    described = recognise(whole_run / "tokenizer").describe(None, None, 3)[1]
    assert described["vocabulary_size"] == 1024
    assert len(described["longest_tokens"]) == 3
