"""Commands over models of quality: `corpusmill quality train | threshold`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shards.commandline import local_path

if TYPE_CHECKING:
    from stages.quality.examples import Examples

app = typer.Typer(help="Train a classifier of quality; find the score that a share of a corpus reaches.")

_FILES = "JSONL, Parquet, Arrow, text or WET files, folders of them, or a run directory (its documents)."
_TextField = Annotated[str, typer.Option(help="Field or column of the text.")]
_Lines = Annotated[bool, typer.Option("--lines", help="Each line of a plain text file is a document.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command(epilog="Example: corpusmill quality train --positive good.jsonl --negative RUN --rows 200000 --out hq.bin")
def train(
    positive: Annotated[
        list[Path],
        typer.Option(metavar="PATH", parser=local_path, help=f"What to find: {_FILES} May be repeated."),
    ],
    negative: Annotated[
        list[Path], typer.Option(metavar="PATH", parser=local_path, help="The crawl as it is. May be repeated.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="MODEL", parser=local_path, help="Where to write it: .bin, or .ftz to quantise it.")
    ],
    rows: Annotated[int | None, typer.Option(min=1, help="Take so many rows of each side, chosen by hash.")] = None,
    held_out: Annotated[
        float, typer.Option(min=0.0001, max=0.9, help="Share of the rows that only measure the model.")
    ] = 0.05,
    word_ngrams: Annotated[int, typer.Option(min=1, max=10, help="Words of the longest word n-gram.")] = 2,
    dimensions: Annotated[int, typer.Option(min=1, max=4096, help="Width of the vectors.")] = 100,
    buckets: Annotated[int, typer.Option(min=1, max=200_000_000, help="Vectors that n-grams share.")] = 2_000_000,
    epochs: Annotated[int, typer.Option(min=1, help="How often to go through the rows.")] = 5,
    learning_rate: Annotated[float, typer.Option(min=0.0001, help="At the start; it falls to nothing.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, max=(1 << 31) - 1, help="The same seed gives the same model.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="More than one is faster, and no longer repeatable.")] = 1,
    text_field: _TextField = "text",
    lines: _Lines = False,
    as_json: _Json = False,
) -> None:
    """Train a fastText classifier (words and word n-grams) on examples; writes MODEL and MODEL.json, its report."""
    from stages.base import StageError
    from stages.fasttext.training import TrainingSettings
    from stages.quality.training import QualityTraining, report_path

    if out.suffix not in (".bin", ".ftz"):
        raise StageError(f"--out {out}: name it .bin, or .ftz to have it quantised")
    settings = TrainingSettings(
        word_ngrams=word_ngrams,
        dimensions=dimensions,
        buckets=buckets,
        epochs=epochs,
        learning_rate=learning_rate,
        seed=seed,
        threads=threads,
    )
    good, crawl = (_examples(paths, text_field, lines) for paths in (positive, negative))
    report = QualityTraining(good, crawl, held_out=held_out, rows=rows, settings=settings).run(out)
    if as_json:
        print(json.dumps(report, indent=1))
        return
    from rich.console import Console

    from stages.quality.report import print_report

    print_report(report, Console(highlight=False))
    print(f"written: {out}, {report_path(out)}")


@app.command(epilog="Example: corpusmill quality threshold hq.bin RUN --keep 0.1")
def threshold(
    model: Annotated[Path, typer.Argument(metavar="MODEL", parser=local_path, help="A fastText model.")],
    paths: Annotated[list[Path], typer.Argument(metavar="PATHS...", parser=local_path, help=_FILES)],
    keep: Annotated[float, typer.Option(min=0.000001, max=1.0, help="The share of the documents to keep.")] = 0.1,
    label: Annotated[str, typer.Option(help="The label that stands for good.")] = "hq",
    text_field: _TextField = "text",
    lines: _Lines = False,
    as_json: _Json = False,
) -> None:
    """Score a corpus, or a sample of one, and say which score the wanted share of it reaches."""
    from stages.quality.thresholds import find_threshold

    found = find_threshold(model, _examples(paths, text_field, lines), keep, label)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print(f"{found['kept']:,} of {found['documents']:,} documents ({found['share']:.2%}) score at least")
    if found["unreadable"]:
        print(f"{found['unreadable']:,} more rows could not be read")
    print(f"  quality: {{model: {model}, label: {label}, min_score: {found['min_score']!r}}}")


def _examples(paths: list[Path], text_field: str, lines: bool) -> Examples:
    from stages.quality.examples import Examples

    return Examples(paths, text_field, lines)
