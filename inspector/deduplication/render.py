"""Print the account of the stages that removed duplicates."""

from __future__ import annotations

from typing import Any

from pipeline.tables import make_console, print_table


def show_deduplication(reports: list[dict[str, Any]]) -> None:
    """One part a stage: settings and what they find, pairs, cluster sizes, the largest clusters, hosts."""
    for report in reports:
        _line()
        _line(f"{report['stage']}: {_settings(report)}")
        if report["detection"] is not None:
            _line()
            chances = [_chance(chance) for chance in report["detection"].values()]
            print_table(["Jaccard similarity", *report["detection"]], [["a pair is detected with", *chances]])
            _line()
            _show_pairs(report)
        if report.get("recall"):
            _show_recall(report["recall"])
        if "cluster_sizes" in report:
            _show_clusters(report)


def _settings(report: dict[str, Any]) -> str:
    settings, shown = report["settings"], []
    if report["detection"] is not None:
        shown = [
            f"{settings['bands']} bands of {settings['rows']} rows",
            f"shingles of {settings['width']} {'units' if settings['unit'] == 'auto' else settings['unit']}",
            f"verify {settings['verify']}" + (f" >= {settings['threshold']:g}" if settings["verify"] != "none" else ""),
            f"clusters {settings['clusters']}",
        ]
    keep = ", ".join(map(_preference, settings["keep"]))
    shown.append(f"keeps by {keep}, then the first" if keep else "keeps the first")
    if settings["within"]:
        shown.append(f"compares within equal {settings['within']}")
    return "; ".join(shown)


def _preference(preference: str | dict[str, list[str]]) -> str:
    """As in the recipe, but values in words: `source (wikipedia, books, others)`."""
    if isinstance(preference, str):
        return preference
    return ", ".join(f"{column} ({', '.join([*order, 'others'])})" for column, order in preference.items())


def _show_pairs(report: dict[str, Any]) -> None:
    """Counts of pairs and of texts that could not be compared, each with what it means."""
    counts, settings = report["counts"], report["settings"]
    passed = "recorded" if settings["verify"] == "none" else f"passed verify: {settings['verify']}"
    _line(
        f"candidate pairs {counts.get('candidate_pairs', 0):,}, a pair once for each band it shares; "
        f"of the distinct ones {counts.get('pairs', 0):,} {passed}"
    )
    if counts.get("pairs_not_compared"):
        _line(
            f"pairs not compared {counts['pairs_not_compared']:,}: of more than {settings['compare_at_most'] + 1} "
            f"documents that share a key each was compared with the {settings['compare_at_most']} nearest "
            "(compare_at_most); most of the others are found by another band or a path of pairs"
        )
    if counts.get("texts_without_words"):
        _line(f"texts without words {counts['texts_without_words']:,}: never compared, all stay")
    if counts.get("texts_shorter_than_a_shingle"):
        _line(
            f"texts shorter than a shingle {counts['texts_shorter_than_a_shingle']:,}: "
            + ("never compared, all stay" if settings["compat"] else "duplicates only of texts of the same units")
        )


def _show_recall(recall: dict[str, Any]) -> None:
    _line()
    _line(
        f"recall: {recall['documents']:,} documents at random compared with all by true Jaccard: of "
        f"{recall['pairs']:,} pairs at {recall['threshold']:g} or more {recall['found']:,} found{_interval(recall)}"
    )
    rows = [
        [
            f"{entry['from']:g}" + ("" if entry["from"] == entry["to"] else f" to {entry['to']:g}"),
            f"{entry['pairs']:,}",
            f"{entry['found']:,}",
            _interval(entry).removeprefix(", "),
            "" if entry["detection"] is None else _chance(entry["detection"]),
        ]
        for entry in recall["bins"]
    ]
    print_table(["true Jaccard", "pairs", "found", "recall, 95 % interval", "by the bands alone"], rows)


def _show_clusters(report: dict[str, Any]) -> None:
    if not report["cluster_sizes"]:
        return
    _line()
    if report["clusters_seen_in"] == "documents":
        _line("clusters whose survivor is in documents/, for rejects/ do not hold all that was removed:")
    rows = [
        [
            f"{entry['from']:,}" + ("" if entry["from"] == entry["to"] else f" to {entry['to']:,}"),
            f"{entry['clusters']:,}",
            f"{entry['removed']:,}",
        ]
        for entry in report["cluster_sizes"]
    ]
    print_table(["documents in a cluster", "clusters", "removed"], rows)
    if report["largest_clusters"]:
        _line()
        rows = [
            [f"{entry['documents']:,}", entry["url"] or entry["id"] or _place(entry["survivor"]), entry["begins"] or ""]
            for entry in report["largest_clusters"]
        ]
        print_table(["largest", "what stays", "begins with"], rows)
    if report["hosts"]:
        _line()
        rows = [[entry["host"], f"{entry['removed']:,}"] for entry in report["hosts"]]
        print_table([f"host, by documents that {report['stage']} removed", "removed"], rows)


def _interval(entry: dict[str, Any]) -> str:
    if not entry["pairs"]:
        return ""
    low, high = entry["interval"]
    return f", {entry['found'] / entry['pairs']:.1%} ({low:.1%} to {high:.1%})"


def _place(identity: dict[str, Any]) -> str:
    return f"{identity['file']} offset {identity['offset']} ordinal {identity['ordinal']}"


def _chance(chance: float) -> str:
    """As many digits as tell it from certainty."""
    return f"{chance:.3f}" if chance < 0.9995 else "1" if chance > 0.9999995 else f"{chance:.6f}"


def _line(text: str = "") -> None:
    make_console().print(text, markup=False, overflow="fold", highlight=False)
