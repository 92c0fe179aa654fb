"""Train a supervised fastText model on a file of labelled lines, by fastText's own code.

One thread draws the same model from the same lines, byte for byte. fastText 0.9.2 fills only the first tenth of the
input matrix with one thread and leaves the rest as the allocator gave it, so training runs in a process of its own in
which the C library hands out zeros (MALLOC_PERTURB_). Cost: fastText's, some 2 million words a second and epoch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from stages.base import StageError

LABEL_PREFIX = "__label__"
_END_OF_LINE = "</s>"


@dataclass(frozen=True)
class TrainingSettings:
    """fastText's parameters, by names that say what they are."""

    word_ngrams: int = 2
    shortest_ngram: int = 0  # of characters; 0 for none
    longest_ngram: int = 0
    dimensions: int = 100
    buckets: int = 2_000_000
    epochs: int = 5
    learning_rate: float = 0.1
    seed: int = 0
    threads: int = 1


def labelled_line(label: str, text: str) -> str:
    """A line of a training file. What fastText would take for labels or ends of lines is no word of the text."""
    words = text.replace("\n", " ").replace(_END_OF_LINE, " ").replace(LABEL_PREFIX, " ")
    return f"{LABEL_PREFIX}{label} {words}\n"


def train_model(lines: Path, out: Path, settings: TrainingSettings) -> None:
    """Train on a file of labelled lines and write the model; quantised where `out` ends with .ftz.

    StageError where fastText is not installed or refuses the file.
    """
    if find_spec("fasttext") is None:
        raise StageError("training needs fastText's own package: pip install fasttext-numpy2-wheel")
    arguments = [str(lines.resolve()), str(out.resolve()), json.dumps(asdict(settings))]
    command = [sys.executable, "-m", __name__, *arguments]
    environment = {**os.environ, "MALLOC_PERTURB_": "255"}
    folder = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
        raise StageError(f"fastText could not train {out.name}: {reason}")


def _train(lines: str, out: str, settings: TrainingSettings) -> None:
    import fasttext

    model = fasttext.train_supervised(
        input=lines,
        wordNgrams=settings.word_ngrams,
        minn=settings.shortest_ngram,
        maxn=settings.longest_ngram,
        dim=settings.dimensions,
        bucket=settings.buckets,
        epoch=settings.epochs,
        lr=settings.learning_rate,
        seed=settings.seed,
        thread=settings.threads,
        verbose=0,
    )
    if out.endswith(".ftz"):
        model.quantize(qnorm=True)
    model.save_model(out)


if __name__ == "__main__":
    _train(sys.argv[1], sys.argv[2], TrainingSettings(**json.loads(sys.argv[3])))
