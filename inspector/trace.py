"""From tokens back to the page: shard position or training step -> document -> WARC record and rule values.

`trace_position` also re-runs the recorded stages on that one record and compares the text byte for byte,
and decodes the document's tokens to see that they are the text.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from inspector.errors import InspectorError
from inspector.rows import read_row
from pipeline.plan import Plan, stages_of
from pipeline.scratch import process_folder
from pipeline.storage import download, is_remote
from pipeline.workspace import Workspace
from shards.index import ShardIndex
from shards.reader import Shard, ShardSet
from stages.base import Filter
from stages.judge import Judge

#: Tokens shown on either side of the traced position.
CONTEXT_TOKENS = 24


def trace_position(run: Path, shard_name: str | None, position: int, replay: bool) -> dict[str, Any]:
    """The document that holds token `position` of a shard, where it came from, and the proof."""
    shard = _shard(run / "shards", shard_name)
    try:
        number = shard.document_at(position)
    except IndexError as error:
        chosen = "" if shard_name else "; --shard names another"
        raise InspectorError(f"{error}{chosen}") from error
    return _trace_document(run, shard, number, position, replay)


def trace_step(run: Path, training: Path, step: int, window: int, replay: bool) -> list[dict[str, Any]]:
    """The documents behind one window of a training step (both counted: steps from 1, windows from 0)."""
    from trainer.checkpoint import find_checkpoint, read_state, require_same_data
    from trainer.order import SampleOrder

    checkpoint = find_checkpoint(training)
    state = read_state(checkpoint)
    shard_set = _shard_set(run / "shards")
    require_same_data(checkpoint, state, shard_set.index, run / "shards")
    config = state.train_config()
    if window >= config.batch.global_batch_size:
        raise InspectorError(f"--window {window}: a step of {training} has {config.batch.global_batch_size} windows")
    if step > state.step:
        raise InspectorError(f"--step {step}: {checkpoint} stands at step {state.step}")
    order = SampleOrder.of(shard_set, config)
    number = (step - 1) * config.batch.global_batch_size + window
    shard = order.shards[order.sample(number).shard]
    return [
        {
            "step": step,
            "window": window,
            "sample": number,
            **_trace_document(run, shard, span.document, span.start, replay),
        }
        for span in order.documents(number)
    ]


def _trace_document(run: Path, shard: Shard, number: int, position: int, replay: bool) -> dict[str, Any]:
    plan = Workspace(run).load_plan()
    part, row = int(shard.part[number]), int(shard.row[number])
    document = read_row(run / "documents" / f"part-{part:05d}.parquet", row)
    text = document.pop("text")
    tokens = shard.document(number)
    decoded, context = _decode(run, tokens, position - int(shard.offsets[number]))
    found = {
        "shard": shard.path.name,
        "position": position,
        "document": number,
        "part": part,
        "row": row,
        "url": document.get("url"),
        "file": document["file"],
        "offset": document["offset"],
        "ordinal": document["ordinal"],
        "input_path": str(plan.files[document["file"]].path) if document["file"] in plan.files else None,
        "tokens": len(tokens),
        "around_position": context,
        "columns": document,
        "rules": _rules(plan, document),
        "tokens_decode_to_text": decoded == text.encode(),
    }
    if replay:
        found["replayed_text_equal"] = _replayed_text(plan, document) == text
    return {**found, "text": text}


def _rules(plan: Plan, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every rule the document passed, with the values it was judged by."""
    passed = []
    for phase in plan.phases:
        if phase.step is not None:
            continue
        for label, stage in stages_of(plan, phase).items():
            if isinstance(stage, Filter):
                judge = Judge(stage.rules())
                for rule, columns in zip(judge.rules, judge.columns, strict=True):
                    values = {name: document.get(name) for name in columns}
                    passed.append({"stage": label, "rule": rule.name, "drop_if": rule.drop_if, "values": values})
    return passed


def _replayed_text(plan: Plan, document: dict[str, Any]) -> str:
    from pipeline.replay import replay

    batch = replay(plan, document["file"], document["offset"], document["ordinal"])
    return batch.column("text")[0].as_py()


def _decode(run: Path, tokens: Any, position: int) -> tuple[bytes, str]:
    """The document's bytes without the end-of-text, and the text around a position."""
    import tokenizer

    loaded = tokenizer.load(_at_hand(run / "tokenizer", ["tokenizer.json"]) / "tokenizer.json")
    ids = [int(token) for token in tokens]
    before = loaded.decode(ids[max(0, position - CONTEXT_TOKENS) : position])
    after = loaded.decode(ids[position + 1 : position + CONTEXT_TOKENS])
    here = loaded.decode(ids[position : position + 1])
    return loaded.decode_bytes(ids[:-1]), f"{before}[[{here}]]{after}"


def _shard(folder: Path, name: str | None) -> Shard:
    """One shard by name, or the first to train on."""
    index = ShardIndex.load(folder)
    names = [entry.file for entry in index.shards]
    if name is None and names:
        name = next((entry.file for entry in index.shards if entry.split == "train"), names[0])
    for entry in index.shards:
        if entry.file == name:
            return Shard(_at_hand(folder, [entry.file]) / entry.file, entry, index.dtype)
    raise InspectorError(f"{folder}: no shard named '{name}'; the index has {', '.join(names[:5])}")


def _shard_set(folder: Path) -> ShardSet:
    """All shards of a folder; remote ones are copied here first, all of them."""
    index = ShardIndex.load(folder)
    return ShardSet(_at_hand(folder, [entry.file for entry in index.shards]), index)


def _at_hand(folder: Path, names: list[str]) -> Path:
    """A local folder that holds these files: `folder`, or copies from a remote one, as long as this process lives."""
    if not is_remote(folder):
        return folder
    copies = Path(tempfile.mkdtemp(dir=process_folder()))
    for name in names:
        download(folder / name, copies / name)
    return copies
