"""Draw the difference of two runs on a terminal."""

from __future__ import annotations

from typing import Any

from pipeline.tables import make_console, print_table

#: Rows of a table that are shown, the largest numbers first.
SHOWN = 20


def show_diff(found: dict[str, Any]) -> None:
    """Recipes and inputs, who keeps what, which rules differ, and examples."""
    for name in ("a", "b"):
        run = found[name]
        _line(f"{name}: {run['run']} ({run['recipe']}): read {run['read']:,}, kept {run['kept']:,}")
    _line()
    _line("recipe: " + ("; ".join(found["recipe"]) or "the same"))
    _line("inputs: " + _inputs(found["inputs"]))
    rows = found["rows"]
    _line(
        f"rows: {rows['kept_in_both']:,} kept in both, {rows['kept_only_in_a']:,} only in a, "
        f"{rows['kept_only_in_b']:,} only in b, {rows['kept_in_neither']:,} in neither"
    )
    if found["texts_changed"]:
        _line(f"texts: {found['texts_changed']:,} differ")
    _show_table(["in a", "in b", "rows"], [[move["a"], move["b"], f"{move['rows']:,}"] for move in found["moves"]])
    columns = [[name, f"{count:,}"] for name, count in found["columns_changed"].items()]
    _show_table(["column", "values that differ"], columns)
    for name in ("a", "b"):
        if found[f"columns_only_in_{name}"]:
            _line(f"columns only in {name}: {', '.join(found[f'columns_only_in_{name}'])}")
    for example in found["examples"]:
        _show_example(example)


def _show_table(header: list[str], rows: list[list[str]]) -> None:
    if rows:
        _line()
        print_table(header, rows[:SHOWN])
    if len(rows) > SHOWN:
        _line(f"and {len(rows) - SHOWN:,} more (--json lists them)")


def _inputs(inputs: dict[str, Any]) -> str:
    if inputs["same"]:
        return "the same"
    words = [
        f"{inputs['files_only_in_a']:,} files only in a" if inputs["files_only_in_a"] else "",
        f"{inputs['files_only_in_b']:,} files only in b" if inputs["files_only_in_b"] else "",
        f"{inputs['files_changed']:,} files with other content" if inputs["files_changed"] else "",
        f"limits {inputs['limits'][0]} and {inputs['limits'][1]}" if len(set(inputs["limits"])) > 1 else "",
    ]
    return "different: " + ", ".join(word for word in words if word)


def _show_example(example: dict[str, Any]) -> None:
    _line()
    _line(f"{example['a']} in a, {example['b']} in b: {example['url'] or ''}")
    _line(f"  {example['file']} offset {example['offset']} ordinal {example['ordinal']}")
    if example["values"]:
        _line("  " + ", ".join(f"{name} {_both(*values)}" for name, values in example["values"].items()))
    for text in (example["text"], example["text_b"]):
        if text:
            _line("  " + " ".join(text.split()))


def _both(a: Any, b: Any) -> str:
    return f"{a}" if a == b else f"{a} -> {b}"


def _line(text: str = "") -> None:
    make_console().print(text, markup=False, overflow="fold")
