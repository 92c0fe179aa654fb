"""Train a quality model from examples, as DCLM did (Li et al. 2024, arXiv 2406.11794, section 4.4).

A fastText classifier over words and pairs of words learns to tell positive rows (what a corpus should look like:
`hq`) from negative ones (the crawl as it is: `cc`). Rows are held out by hash; what the model scores them goes into
the report beside it. Cost: each file is read once (twice where rows are limited), the texts are written to a
temporary file, fastText goes through it once an epoch.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from stages.base import StageError
from stages.fasttext.reader import load_model
from stages.fasttext.training import LABEL_PREFIX, TrainingSettings, labelled_line, train_model
from stages.quality.examples import Examples, held_out, limit_of, taken
from stages.quality.report import held_out_report

POSITIVE, NEGATIVE = "hq", "cc"
_LEAST_HELD_OUT = 10
_TEXT = pa.schema([("text", pa.large_string())])


@dataclass(frozen=True)
class QualityTraining:
    """What to train on and how; `rows` bounds the rows taken of each side."""

    positive: Examples
    negative: Examples
    held_out: float = 0.05
    rows: int | None = None
    settings: TrainingSettings = field(default_factory=TrainingSettings)

    def run(self, out: Path) -> dict[str, Any]:
        """Write the model and, beside it, OUT.json with the report, which is returned.

        StageError where a side has too few rows, a path cannot be read, or fastText cannot train.
        """
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
            folder = Path(name)
            with (folder / "lines.txt").open("w", encoding="utf-8") as lines:
                sides = {
                    POSITIVE: self._part(self.positive, POSITIVE, folder, lines),
                    NEGATIVE: self._part(self.negative, NEGATIVE, folder, lines),
                }
            trained = folder / f"model{out.suffix}"
            train_model(folder / "lines.txt", trained, self.settings)
            scores = {side: _scores(trained, folder / f"{side}.arrow") for side in sides}
            report = {
                "model": out.name,
                "sha256": _sha256(trained),
                "label": POSITIVE,
                "settings": asdict(self.settings),
                "rows": sides,
                "held_out": held_out_report(scores[POSITIVE], scores[NEGATIVE]),
            }
            trained.replace(out)
        report_path(out).write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        return report

    def _part(self, examples: Examples, side: str, folder: Path, lines: IO[str]) -> dict[str, int]:
        """Write the rows to train on to `lines` and the held-out ones to a file of their own; gives their numbers."""
        limit = None if self.rows is None else limit_of(examples, self.rows)
        trained = apart = 0
        with pa.OSFile(str(folder / f"{side}.arrow"), "wb") as sink, pa.ipc.new_file(sink, _TEXT) as writer:
            for batch in examples.read():
                texts = batch.cast(pa.large_string())
                if limit is not None:
                    texts = texts.filter(pa.array(taken(texts, limit)))
                held = held_out(texts, self.held_out)
                writer.write_batch(pa.record_batch([texts.filter(pa.array(held))], schema=_TEXT))
                for text in texts.filter(pa.array(~held)).to_pylist():
                    lines.write(labelled_line(side, text))
                apart += int(held.sum())
                trained += len(texts) - int(held.sum())
        if not trained or apart < _LEAST_HELD_OUT:
            places = ", ".join(map(str, examples.paths))
            raise StageError(f"{places}: {self._too_few(trained + apart, apart, examples)}")
        return {"trained": trained, "held_out": apart, "unreadable": examples.unreadable}

    def _too_few(self, rows: int, apart: int, examples: Examples) -> str:
        """Why rows do not suffice, and what to do."""
        if not rows:
            return examples.why_none()
        found = f"{rows:,} rows" + (f" ({examples.unreadable:,} more unreadable)" if examples.unreadable else "")
        mend = "give more rows" if self.rows is None or self.rows > rows else "give a larger --rows"
        if rows >= 4 * _LEAST_HELD_OUT:
            # Rows are held out by hash, so somewhat more are aimed at than must be.
            mend += f", or --held-out {min(0.5, 1.6 * _LEAST_HELD_OUT / rows):.2g}"
        return f"{found}, {apart} of them held out to measure the model; at least {_LEAST_HELD_OUT} must be: {mend}"


def report_path(model: Path) -> Path:
    """Where the report of a model lies."""
    return model.with_name(f"{model.name}.json")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _scores(model: Path, texts: Path) -> np.ndarray:
    loaded = load_model(model)
    with pa.ipc.open_file(pa.memory_map(str(texts))) as file:
        batches = [file.get_batch(number).column(0) for number in range(file.num_record_batches)]
        return np.concatenate([loaded.scores(batch, f"{LABEL_PREFIX}{POSITIVE}") for batch in batches])
