"""Commands that look at what was made: inspect, diff, trace and contamination."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.storage import location

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands on the front door's application."""
    example = "Example: corpusmill inspect run/ --what-if 'gopher_words < 80'"
    app.command(name="inspect", epilog=example)(inspect)
    app.command(name="diff", epilog="Example: corpusmill diff run/ stricter-run/ --rows 5")(diff)
    example = "Example: corpusmill trace run/ --shard train-warc-00000-00000.arrow --position 12345"
    app.command(name="trace", epilog=example)(trace)
    example = "Example: corpusmill contamination run/ --rows 5"
    app.command(name="contamination", epilog=example)(contamination)


def inspect(
    path: Annotated[
        Path, typer.Argument(parser=location, help="A run, a folder that it published, a training or a checkpoint.")
    ],
    rule: Annotated[str | None, typer.Option(help="Only rejects of this rule; PATH is a run's rejects/.")] = None,
    contains: Annotated[str | None, typer.Option(help="Only documents or rejects whose id or URL has this.")] = None,
    rows: Annotated[
        int | None, typer.Option(min=0, help="How many example rows to show; 3, with --what-if 20 unless given.")
    ] = None,
    what_if: Annotated[
        list[str],
        typer.Option(metavar="RULE", help="What another rule would keep, as 'gopher_words < 80'; may be repeated."),
    ] = [],  # noqa: B006
    dropped: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="N dropped documents of a run at random, with their texts.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the documents of --dropped.")] = 0,
    document: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The documents of a run with this URL or id, or at 'FILE OFFSET ORDINAL'."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a run kept and dropped and why, or would under other rules, or what is in a folder it published."""
    from inspector import render
    from inspector.artifacts import recognise
    from inspector.errors import InspectorError

    artifact = recognise(path)
    if what_if or dropped is not None or document is not None:
        if artifact.kind != "run":
            raise InspectorError(f"{path}: --what-if, --dropped and --document are about a run; name its directory")
        asked = sum((bool(what_if), dropped is not None, document is not None))
        if asked > 1 or contains is not None or (rule is not None and dropped is None):
            raise InspectorError("--what-if and --document go with --rows alone, --dropped with --rule and --seed")
    if what_if:
        from inspector.what_if.answer import what_if as answer

        kind, described = "what_if", answer(artifact.path, what_if, 20 if rows is None else rows)
    elif dropped is not None:
        from inspector.dropped import dropped_documents

        kind, described = "dropped", dropped_documents(artifact.path, dropped, seed, rule)
    elif document is not None:
        from inspector.document import document_report

        kind, described = "document", document_report(artifact.path, document, 3 if rows is None else rows)
    else:
        kind, described = artifact.describe(rule, contains, 3 if rows is None else rows)
    if as_json:
        _print_json(described)
    else:
        render.show(kind, described)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False, default=str))


def diff(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", parser=location, help="A run directory.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", parser=location, help="Another one.")],
    rows: Annotated[int, typer.Option(min=0, help="How many example rows to show.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Explain how two runs differ: recipe, inputs, and which rule of the one ended what the other kept."""
    from inspector.diff.render import show_diff
    from inspector.diff.report import diff as compare

    found = compare(first, second, rows)
    if as_json:
        _print_json(found)
    else:
        show_diff(found)


def trace(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", parser=location, help="A run directory with shards/ and documents/."),
    ],
    shard: Annotated[str | None, typer.Option(help="A file of shards/index.json; the first unless given.")] = None,
    position: Annotated[int | None, typer.Option(min=0, help="Token position within the shard, from 0.")] = None,
    training: Annotated[Path | None, typer.Option(help="A training on these shards, to trace --step.")] = None,
    step: Annotated[int | None, typer.Option(min=1, help="Training step, from 1; needs --training.")] = None,
    window: Annotated[int | None, typer.Option(min=0, help="Window within the step's batch, from 0.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Print the document's whole text.")] = False,
    replay: Annotated[bool, typer.Option(help="Run the recorded stages again on the record and compare.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Go from a shard position or a training step to its documents, pages and every rule value."""
    from inspector import render
    from inspector.errors import InspectorError
    from inspector.trace import trace_position, trace_step

    if training is not None:
        if shard is not None or position is not None:
            raise InspectorError("--shard and --position name a token, --training a step; give the one or the other")
        traces = trace_step(run, training, step or 1, window or 0, replay)
    else:
        if step is not None or window is not None:
            raise InspectorError("--step and --window need --training, the training's --out folder")
        traces = [trace_position(run, shard, position or 0, replay)]
    if not text:
        for found in traces:
            found.pop("text")
    if as_json:
        shown: list[dict[str, Any]] | dict[str, Any] = traces[0] if training is None else traces
        _print_json(shown)
        return
    for found in traces:
        render.show_trace(found)


def contamination(
    run: Annotated[Path, typer.Argument(metavar="RUN", parser=location, help="A run with the stage decontaminate.")],
    rows: Annotated[int, typer.Option(min=0, help="How many examples to show of each benchmark.")] = 3,
    label: Annotated[
        str | None, typer.Option(help="The stage, or the measurement of `corpusmill measure --label`, to report.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a run found of each benchmark: documents, items, the text, and how much may be chance."""
    from inspector.contamination import contamination_report
    from inspector.contamination_render import show_contamination

    report = contamination_report(run, rows, label)
    if as_json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        show_contamination(report)
