"""Print why a removed document went: who stayed for it, how similar both are, and where their texts differ."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from pipeline.tables import make_console

#: Words shown of a stretch that both texts have, at either end.
CONTEXT = 12
#: Pairs of a path that are shown, and characters of the differences; --json has all of them.
STEPS, LONGEST = 12, 6000


def show_removed_for(found: dict[str, Any]) -> None:
    """The survivor, the similarities, the path of pairs to it, and the texts with what differs marked."""
    survivor = found["survivor"]
    _line(f"  stays for it, of {found['cluster_size']:,} documents: {survivor['url'] or survivor['id'] or 'no URL'}")
    _line(f"    {_place(survivor)}, {survivor['fate']}")
    if "path" in found:
        _line(f"  Jaccard similarity to it: {_similarities(found)}")
        _show_path(found["path"])
    if found["differences"] is None:
        _line(f"  its text is {survivor['text_from']}" if survivor["text"] is None else "  no text to compare it with")
    elif all(segment["equal"] for segment in found["differences"]):
        _line("  both texts have the same words")
    else:
        _line(f"  [-only in the removed text-] {{+only in what stays+}}, which is from {survivor['text_from']}:")
        _show_differences(found["differences"])


def _similarities(found: dict[str, Any]) -> str:
    told = [
        ("estimated", found["estimated_jaccard"]),
        ("true", found["jaccard"]),
        ("true, of the texts below" if found["jaccard"] is None else "", found["jaccard_of_texts"]),
    ]
    return ", ".join(f"{value:.3f} {name}" for name, value in told if name and value is not None) or "unknown"


def _show_path(path: list[dict[str, Any]]) -> None:
    if not path:
        return
    _line(f"  connected to it by {len(path):,} pairs:")
    for number, step in enumerate(path):
        if number == STEPS - 1 and len(path) > STEPS:
            _line(f"    ... {len(path) - STEPS:,} more")
        if number < STEPS - 1 or number == len(path) - 1:
            told = [("estimated", step["estimated_jaccard"]), ("true", step["jaccard"])]
            similarity = ", ".join(f"{value:.3f} {name}" for name, value in told if value is not None) or "not recorded"
            _line(f"    {similarity}: to {_place(step['to'])}")


def _show_differences(segments: list[dict[str, Any]]) -> None:
    shown = Text("  ")
    for number, segment in enumerate(segments):
        if segment["equal"]:
            shown.append(_ends(segment["first"], number == 0, number == len(segments) - 1) + " ")
            continue
        if segment["first"]:
            shown.append(f"[-{segment['first']}-]", style="red")
            shown.append(" ")
        if segment["second"]:
            shown.append(f"{{+{segment['second']}+}}", style="green")
            shown.append(" ")
        if len(shown) > LONGEST:
            shown.truncate(LONGEST)
            shown.append("... (--json has all of it)")
            break
    make_console().print(shown, overflow="fold")


def _ends(text: str, first: bool, last: bool) -> str:
    """The words next to a difference, of a stretch without one."""
    words = text.split()
    before, after = (0 if first else CONTEXT), (0 if last else CONTEXT)
    left_out = len(words) - before - after
    if left_out <= 1:
        return text
    return " ".join([*words[:before], f"... {left_out:,} words ...", *words[len(words) - after :]])


def _place(identity: dict[str, Any]) -> str:
    return f"{identity['file']} offset {identity['offset']} ordinal {identity['ordinal']}"


def _line(text: str) -> None:
    make_console().print(text, markup=False, overflow="fold")
