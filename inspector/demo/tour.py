"""The tour: each step prints the command that does the same, then what came of it.

Everything it makes lies in one folder: crawl/ (a WARC file), run/ (the run directory) and model/. A
second tour goes on from whatever is there.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from inspector import render
from inspector.demo.crawl import crawl
from inspector.demo.documentation import documentation_server, start_paths, wanted_link
from inspector.errors import InspectorError
from inspector.rows import matching_rows, parquet_files
from inspector.run_report import run_report
from inspector.trace import trace_step
from pipeline.driver import run as run_recipe
from pipeline.recipe import RECIPE_FOLDER, Recipe

PROMPT = "The module"
TRAINED = ("crawl", "run", "model")


def take_tour(out: Path, fresh: bool, minutes: float) -> None:
    """Crawl, curate, train, sample and trace below `out`; InspectorError when the folder is somebody else's."""
    _prepare(out, fresh)
    warc = out / "crawl" / "pydoc.warc.gz"
    run, model = out / "run", out / "model"
    _crawl(warc)
    _curate(warc, run)
    _train(run, model, minutes)
    _sample(model)
    _trace(run, model)
    _farewell(run, model)


def _prepare(out: Path, fresh: bool) -> None:
    if out.exists() and not out.is_dir():
        raise InspectorError(f"{out}: exists and is not a folder; choose another --out")
    if fresh:
        for name in TRAINED:
            shutil.rmtree(out / name, ignore_errors=True)
    strange = [path.name for path in out.iterdir() if path.name not in TRAINED] if out.is_dir() else []
    if strange:
        raise InspectorError(f"{out}: holds '{strange[0]}', which no demo made; choose another --out")
    (out / "crawl").mkdir(parents=True, exist_ok=True)


def _crawl(warc: Path) -> None:
    _heading("1. Crawl", "Python's own documentation server, over HTTP on this machine, into a WARC file")
    if warc.exists():
        _say(f"{warc} is there already ({warc.stat().st_size / 1e6:.1f} MB)")
        return
    started = time.monotonic()
    with documentation_server() as port:
        pages = crawl(port, start_paths(), wanted_link, warc)
    seconds = time.monotonic() - started
    _say(f"{pages} pages in {seconds:.1f} s -> {warc} ({warc.stat().st_size / 1e6:.1f} MB)")


def _curate(warc: Path, run: Path) -> None:
    _heading("2. Curate", f"corpusmill run demo --in {warc} --out {run}")
    run_recipe(Recipe.load(RECIPE_FOLDER / "demo.yaml"), [warc], run)
    _say()
    _say(f"What became of every page (corpusmill inspect {run}):")
    render.show("run", run_report(run))
    example = matching_rows(parquet_files(run / "rejects"), None, None, 1)
    if example:
        _say()
        _say(f"One page that was dropped, and why (corpusmill inspect {run / 'rejects'}):")
        for name in ("url", "stage", "rule", "expression", "values"):
            _say(f"  {name}: {example[0][name]}")


def _train(run: Path, model: Path, minutes: float) -> None:
    from trainer.config import load_config
    from trainer.loop import TorchTrainer

    config = RECIPE_FOLDER / "train-demo.yaml"
    _heading("3. Train", f"corpusmill train recipes/{config.name} --shards {run / 'shards'} --out {model}")
    TorchTrainer().fit(run / "shards", load_config(config, [f"max_minutes={minutes}"]), model)


def _sample(model: Path) -> None:
    from trainer.commands import sample

    _heading("4. Sample", f'corpusmill sample {model} --prompt "{PROMPT}"')
    sample(model, prompt=PROMPT, temperature=0.7, top_k=50, top_p=0.95, max_tokens=120, seed=1, tokenizer=None)


def _trace(run: Path, model: Path) -> None:
    _heading("5. Trace", f"corpusmill trace {run} --training {model} --step 1 --window 0")
    found: dict[str, Any] = trace_step(run, model, 1, 0, replay=True)[0]
    found.pop("text")
    render.show_trace(found)


def _farewell(run: Path, model: Path) -> None:
    _heading("6. The whole way", "every page accounted for, every token traceable")
    render.show("run", run_report(run))
    _say()
    _say("Where to look next:")
    _say(f"  corpusmill inspect {run / 'rejects'} --rows 5     pages that were dropped, with the values")
    _say(f"  corpusmill inspect {model}             the training log")
    _say(f"  corpusmill eval {model} --shards {run / 'shards'}")
    _say("  corpusmill stages gopher                 what a stage measures and how to set its thresholds")
    _say(f"  corpusmill run demo --in {run.parent / 'crawl'} --out {run} --set gopher.min_doc_words=100")
    _say("                                           change a threshold: only what depends on it runs again")


def _heading(title: str, command: str) -> None:
    _say()
    _say(f"== {title}: {command}")


def _say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
