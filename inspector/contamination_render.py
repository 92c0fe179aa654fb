"""Print the account of benchmarks found in a run."""

from __future__ import annotations

from typing import Any

from pipeline.tables import make_console, print_table

#: Longest text shown of an example.
EXCERPT = 300


def show_contamination(report: dict[str, Any]) -> None:
    """A table of the benchmarks, what may be chance, text in many documents, and examples."""
    if report["rejects_kept"] != "full":
        _line(f"rejects: {report['rejects_kept']}; only documents and rejects that the run kept are counted")
    print_table(
        ["benchmark", "items", "as a whole", "too short", "documents", "dropped", "items found", "for the most part"],
        [
            [
                entry["name"],
                *(_count(entry.get(name)) for name in ("items", "whole", "too_short")),
                *(_count(entry[name]) for name in ("documents", "documents_dropped")),
                *(_count(entry[name]) for name in ("items_found", "items_found_for_the_most_part")),
            ]
            for entry in report["benchmarks"]
        ],
    )
    _line()
    for entry in report["benchmarks"]:
        if entry["documents"]:
            _line(
                f"{entry['name']}: of {entry['documents']:,} documents perhaps by chance "
                f"{entry['documents_perhaps_by_chance']:,}; by items of fewer than {report['ngram']} words only "
                f"{entry['documents_by_short_items_only']:,}"
            )
    if report["expected_hash_collisions"] is not None:
        _line(
            f"words looked at: {report['words_looked_at']:,}; "
            f"expected matches by collisions of hashes: {report['expected_hash_collisions']:.1e}"
        )
    if report["common_texts"]:
        _line()
        rows = [[text["text"][:EXCERPT], _count(text["documents"])] for text in report["common_texts"]]
        print_table(["matched text in more than ten documents", "documents"], rows)
    for entry in report["benchmarks"]:
        for example in entry["examples"]:
            _line()
            _line(
                f"{entry['name']}, line {example['item']}, {example['coverage']:.0%} of it: "
                f"{example['document']} ({example['fate']})"
            )
            for text in example["text"]:
                _line(f"    {' '.join(text.split())[:EXCERPT]}")


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _line(text: str = "") -> None:
    make_console().print(text, markup=False, overflow="fold")
