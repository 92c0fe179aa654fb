"""Train a byte-level BPE tokenizer on the documents and publish it as tokenizer/tokenizer.json.

    count   one task a part of the documents: text -> word counts     about 75 MB/s of text on one core
    train   one task: all word counts -> merges                       seconds for a vocabulary of 32,768

The merges are those of Hugging Face's trainer on the whole corpus (tokenizer/bpe_train.py), whatever the
tasks were; memory of `train` is about 30 times the bytes of the distinct words. These grow with the corpus and the
merges hardly change, so terabytes are counted by a `fraction` of their documents, drawn by a hash of their identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from stages.base import Exchange, Phase, Read, Task, Upstream
from stages.documents import IDENTITY
from stages.identity import identity_hash, mix

if TYPE_CHECKING:
    from stages.base import InputPart

#: So many word count tables are merged at a time; bounds memory when there are thousands of tasks.
_MERGE_WIDTH = 16


class TrainTokenizer(Exchange):
    """Train a byte-level BPE tokenizer on the documents."""

    name: ClassVar[str] = "train_tokenizer"
    needs: ClassVar[tuple[str, ...]] = ("text",)
    materialised: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("tokenizers",)

    vocab_size: int = Field(
        32768, ge=257, le=1 << 24, description="Number of ids: the 256 bytes, merges and <|endoftext|>."
    )
    pattern: Literal["gpt4", "qwen2", "nanochat", "gpt2", "o200k"] = Field(
        "gpt4", description="How text is cut into words before merging; gpt4 is the fastest way to train and encode."
    )
    fraction: float = Field(1.0, gt=0, le=1, description="Share of the documents that it is trained on.")

    def phases(self, label: str, upstream: Upstream, seed: int) -> tuple[list[Phase], Upstream]:
        phases = [
            Phase("count", upstream.tasks, upstream.reads(), ("word_counts",), ignores=("vocab_size",)),
            Phase(
                "train",
                1,
                (Read(f"{label}.word_counts", "all"),),
                ("tokenizer",),
                publishes={"tokenizer": "tokenizer"},
            ),
        ]
        after = replace(upstream, tokenizer=f"{label}.tokenizer")
        return phases, after

    def count(self, task: Task) -> None:
        """Write the word counts of one part of the documents."""
        from tokenizer.pretokenize import split_pattern
        from tokenizer.word_counts import WordCounter

        counter = WordCounter(split_pattern(self.pattern))
        for _, batch in task.documents([*(field.name for field in IDENTITY), "text"]):
            counter.add(self._drawn(batch, task.seed).column("text"))
        words = counter.finish()
        task.count("text_bytes", counter.text_bytes)
        if counter.words_cut:
            task.count("words_cut", counter.words_cut)
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with (
            task.create("word_counts", f"{task.index:05d}.arrow") as path,
            pa.OSFile(str(path), "wb") as sink,
            pa.ipc.new_file(sink, words.schema, options=options) as writer,
        ):
            writer.write_table(words)

    def _drawn(self, batch: pa.RecordBatch, seed: int) -> pa.RecordBatch:
        """The documents of a batch to train on; which they are depends on nothing but their identity and the seed."""
        if self.fraction == 1:
            return batch
        file, offset, ordinal = (batch.column(field.name) for field in IDENTITY)
        draw = mix(identity_hash(file, offset, ordinal, seed), seed)
        return batch.filter(pa.array(draw < np.uint64(self.fraction * 2**64)))

    def train(self, task: Task) -> None:
        """Merge the counts of all parts, train, and write tokenizer.json."""
        from tokenizer.bpe_train import train_merges
        from tokenizer.file import tokenizer_json
        from tokenizer.pretokenize import split_pattern

        words = _merged(task.parts("word_counts"))
        # One id of the vocabulary is end-of-text.
        trained = train_merges(words, self.vocab_size - 1)
        task.count("distinct_words", words.num_rows)
        task.count("vocabulary_size", len(trained.tokens) + 1)
        with task.create("tokenizer", "tokenizer.json") as path:
            path.write_text(tokenizer_json(trained, split_pattern(self.pattern)), encoding="utf-8")


def _merged(parts: Sequence[InputPart]) -> pa.Table:
    from tokenizer.word_counts import merge_word_counts

    pending: list[pa.Table] = []
    for part in parts:
        pending.append(_read(part.path))
        if len(pending) == _MERGE_WIDTH:
            pending = [merge_word_counts(pending)]
    return merge_word_counts(pending)


def _read(path: Path) -> pa.Table:
    with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
        return reader.read_all()
