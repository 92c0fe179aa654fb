"""Draw descriptions on a terminal: one function a kind of artifact."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from inspector.deduplication.render import show_deduplication
from inspector.deduplication.survivor_render import show_removed_for
from inspector.what_if.render import show_answer

#: Longest text shown of a dropped document; --json gives all of it.
EXCERPT = 600

#: Where the output is no terminal there is no reason to fold lines at 80 columns.
_console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def show(kind: str, described: dict[str, Any]) -> None:
    """Print what inspector.artifacts described."""
    {
        "run": _show_run,
        "documents": _show_documents,
        "duplicates": _show_documents,
        "rejects": _show_rejects,
        "shards": _show_shards,
        "tokenizer": _show_values,
        "training": _show_training,
        "checkpoint": _show_values,
        "what_if": show_answer,
        "dropped": _show_dropped,
        "document": _show_named,
    }[kind](described)


def show_trace(found: dict[str, Any]) -> None:
    """Print one traced document."""
    _line(f"{found['shard']} position {found['position']:,}: document {found['document']} of the shard")
    _line(f"  documents part {found['part']} row {found['row']}, {found['tokens']:,} tokens")
    _line(f"  url    {found['url'] or 'none recorded'}")
    _line(f"  record {found['file']} offset {found['offset']} ordinal {found['ordinal']}")
    _line(f"  around ...{' '.join(found['around_position'].split())}...")
    _line(f"  tokens decode to the text: {_yes(found['tokens_decode_to_text'])}")
    if "replayed_text_equal" in found:
        _line(f"  stages run again on the record give the same text: {_yes(found['replayed_text_equal'])}")
    if not found["rules"]:
        _line("  no rule judged it")
    else:
        _show_rules(found["rules"])
    if "text" in found:
        _line(found["text"])


def _show_rules(passed: list[dict[str, Any]]) -> None:
    rules = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("passed rule", "drops if", "values"):
        rules.add_column(title, overflow="fold")
    for rule in passed:
        values = ", ".join(f"{name}={_value(value)}" for name, value in rule["values"].items())
        rules.add_row(f"{rule['stage']}: {rule['rule']}", rule["drop_if"], values)
    _console.print(rules, markup=False)


def _show_run(described: dict[str, Any]) -> None:
    totals = described["totals"]
    _line(
        f"{described['recipe']}: read {totals['read']:,} = kept {totals['kept']:,} + dropped {totals['dropped']:,} "
        f"+ quarantined {totals['quarantined']:,}" + ("" if described["complete"] else "  (not complete yet)")
    )
    for remark in described["remarks"]:
        _line(remark)
    _line()
    rows = []
    for step in described["funnel"]:
        rows_in, rows_out = step.get("rows_in"), step.get("rows_out")
        rate = f"{rows_in / step['seconds']:,.0f}" if rows_in and step["seconds"] > 0.001 else ""
        speed = f"{step['bytes_in'] / 1e6 / step['seconds']:,.1f}" if step.get("bytes_in") and rate else ""
        share = f"{rows_out / rows_in:.1%}" if rows_in else ""
        rows.append([step["stage"], _count(rows_in), _count(rows_out), share, f"{step['seconds']:.2f}", rate, speed])
    _print_table(["stage", "rows in", "rows out", "kept", "worker seconds", "rows/s", "MB/s"], rows)
    if described["compile_seconds"] >= 1:
        seconds = described["compile_seconds"]
        _line(f"besides, {seconds:.0f} s went into compiling kernels, as happens once on each machine for each version")
    if described["rules"]:
        _line()
        _print_table(["dropped by rule", "rows"], [[rule, f"{n:,}"] for rule, n in described["rules"].items()])
    if totals["quarantined"]:
        _line()
        _line("why rows were quarantined: corpusmill inspect RUN/rejects")
    if described["undecided"]:
        _line()
        _print_table(["rule without a value", "rows"], [[r, f"{n:,}"] for r, n in described["undecided"].items()])
    if described["counters"]:
        _line()
        _print_table(["counted by stages", ""], [[name, f"{n:,}"] for name, n in described["counters"].items()])
    if described["published"]:
        _line()
        _print_table(["published", "MB"], [[n, f"{size / 1e6:.2f}"] for n, size in described["published"].items()])

    _show_measurements(described["measurements"])
    show_deduplication(described["deduplication"])


def _show_measurements(measurements: list[dict[str, Any]]) -> None:
    """Columns that were measured after the run, and whether they are of the documents as they are."""
    for measurement in measurements:
        columns = ", ".join(measurement["columns"])
        parts = measurement["folders"]["documents"]
        state = f"{measurement['label']} measured {parts['measured']:,} of {parts['parts']:,} parts of documents/"
        stale = "" if parts["measured"] == parts["parts"] else ", so it is not shown: measure again"
        _line()
        _line(f"{state}{stale}: {columns}")


def _show_documents(described: dict[str, Any]) -> None:
    _line(f"{described['rows']:,} rows in {described['files']} files, {described['bytes'] / 1e6:.2f} MB")
    _line("columns: " + ", ".join(f"{name} ({kind})" for name, kind in described["columns"].items()))
    _show_examples(described["examples"])


def _show_rejects(described: dict[str, Any]) -> None:
    _line(f"{described['rows']:,} rejects in {described['files']} files, {described['quarantined']:,} quarantined")
    if described["rules"]:
        _print_table(["dropped by rule", "rows"], [[rule, f"{n:,}"] for rule, n in described["rules"].items()])
    if described["errors"]:
        _line()
        _print_table(["quarantined because", "rows"], [[why, f"{n:,}"] for why, n in described["errors"].items()])
    _show_examples(described["examples"])


def _show_dropped(described: dict[str, Any]) -> None:
    of = f"{described['recorded']:,} dropped documents"
    if described["sample_of_rejects"] < 1:
        of += f", a sample of {described['sample_of_rejects']:.2%} that the recipe keeps"
    _line(f"{len(described['documents'])} of {of}, at random")
    for document in described["documents"]:
        _show_document(document)


def _show_named(described: dict[str, Any]) -> None:
    _line(f"{len(described['documents'])} of {described['found']:,} documents and rejects with this URL, id or place")
    for document in described["documents"]:
        _show_document(document)


def _show_document(document: dict[str, Any]) -> None:
    text = document["text"]
    values = ", ".join(f"{name}={_value(value)}" for name, value in document["values"].items())
    _line()
    _line(f"{document['url'] or document['id']}")
    _line(f"  {document['file']} offset {document['offset']} ordinal {document['ordinal']}")
    if document["stage"] is None:
        _line("  kept")
    elif document["rule"] is None:
        _line(f"  {document['stage']}: quarantined, because {document['error']}")
    elif document["removed_for"]:
        _line(f"  {document['stage']}: {document['rule']}, because {document['expression']}")
    else:
        _line(f"  {document['stage']}: {document['rule']}, because {document['expression']} with {values}")
    _line(f"  text from {document['text_from']}" + ("" if text is None else f", {len(text):,} characters:"))
    if text:
        shown = " ".join(text[:EXCERPT].split())
        _line(f"  {shown}" + ("..." if len(text) > EXCERPT else ""))
    if document["removed_for"]:
        show_removed_for(document["removed_for"])


def _show_shards(described: dict[str, Any]) -> None:
    _line(f"vocabulary {described['vocabulary_size']:,}, {described['dtype']}, digest {described['digest'][:16]}")
    rows = [
        [split, f"{t['shards']:,}", f"{t['documents']:,}", f"{t['tokens']:,}", f"{t['text_bytes'] / 1e6:.2f}"]
        for split, t in described["splits"].items()
    ]
    _print_table(["split", "shards", "documents", "tokens", "MB of text"], rows)
    rows = [[s["file"], f"{s['documents']:,}", f"{s['tokens']:,}", s["sha256"][:16]] for s in described["shards"]]
    _print_table(["shard", "documents", "tokens", "sha256"], rows)


def _show_values(described: dict[str, Any]) -> None:
    for name, value in described.items():
        _line(f"{name}: {_value(value)}")


def _show_training(described: dict[str, Any]) -> None:
    unreadable = f", {described['unreadable_lines']:,} unreadable lines" if described["unreadable_lines"] else ""
    _line(f"{described['steps']:,} steps logged{unreadable}")
    names = [name for name, value in described["last"].items() if isinstance(value, (int, float))]
    rows = [[_value(entry.get(name)) for name in names] for entry in described["curve"]]
    _print_table(names, rows)
    if described["best_validation"]:
        best = ", ".join(f"{name} {_value(value)}" for name, value in described["best_validation"].items())
        _line(f"best validation: {best}")


def _show_examples(examples: list[dict[str, Any]]) -> None:
    for example in examples:
        _line()
        for name, value in example.items():
            _line(f"{name}: {' '.join(str(value).split()) if name == 'text' else _value(value)}")


def _print_table(titles: list[str], rows: list[list[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for position, title in enumerate(titles):
        table.add_column(title, justify="left" if position == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    _console.print(table, markup=False)


def _line(text: str = "") -> None:
    _console.print(text, markup=False, overflow="fold")


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _yes(value: bool) -> str:
    return "yes" if value else "NO"
