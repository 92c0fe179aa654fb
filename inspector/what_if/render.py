"""Draw the answer to `--what-if` on a terminal."""

from __future__ import annotations

from typing import Any

from pipeline.tables import make_console, print_table


def show_answer(answer: dict[str, Any]) -> None:
    """What was asked, what would be kept, which rows change, what is unknown, and examples."""
    for change in answer["changes"]:
        before, after = (change[when] or "no rule" for when in ("before", "after"))
        _line(f"{change['rule']} of {change['stage']}: {before} -> {after}")
    _line()
    _show_kept(answer)
    if answer["moves"]:
        _line()
        rows = [[move["before"], move["after"], f"{move['rows']:,}"] for move in answer["moves"]]
        print_table(["was", "would be", "rows"], rows)
    _show_rules(answer["rules"])
    for rule, count in answer["undecided"].items():
        _line(f"{rule}: no value for {count:,} rows, which it does not drop")
    if answer["rejects_not_kept"]:
        _line(
            f"the recipe keeps not every reject (rejects: {answer['rejects_policy']}): {answer['rejects_not_kept']:,} "
            "rows are known by number and rule only; which of them change is not"
        )
    for example in answer["examples"]:
        _show_example(example)


def _show_kept(answer: dict[str, Any]) -> None:
    kept, unknown = answer["kept"], answer["unknown"]
    if answer["exact"]:
        _line(f"kept: {kept['before']:,} -> {kept['at_least']:,}, exactly")
        return
    _line(
        f"kept: {kept['before']:,} -> about {kept['expected']:,} if the unknown fare as others did; "
        f"at least {kept['at_least']:,}, at most {kept['at_most']:,}"
    )
    for stage, count in unknown["by_stage"].items():
        _line(f"unknown: {count:,} rows at {stage}, which did not judge them, or would judge them among others")
    for stage, count in unknown["displaced_at_most"].items():
        _line(f"unknown: {stage} might remove up to {count:,} that it kept, for others that come")


def _show_rules(rules: list[dict[str, Any]]) -> None:
    rows = []
    for rule in rules:
        least, most = rule["at_least"], rule["at_most"]
        if (rule["before"], rule["before"]) != (least, most):
            after = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            rows.append([rule["rule"], rule["stage"], f"{rule['before']:,}", after])
    if rows:
        _line()
        print_table(["rule", "stage", "dropped", "would drop"], rows)


def _show_example(example: dict[str, Any]) -> None:
    _line()
    _line(f"{example['before']} -> {example['after']}: {example['url'] or example['id']}")
    _line(f"  {example['file']} offset {example['offset']} ordinal {example['ordinal']}")
    _line("  " + ", ".join(f"{name}={value}" for name, value in example["values"].items()))
    if example["text"]:
        _line("  " + " ".join(example["text"].split()))


def _line(text: str = "") -> None:
    make_console().print(text, markup=False, overflow="fold")
