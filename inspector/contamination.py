"""What a finished run found of each benchmark: documents, items, the text itself, and what may be chance.

Adds up the columns that the stage `decontaminate` left in documents/ and rejects/, or `corpusmill measure` beside
them. A match that covers less than half
of its item is taken for chance when it is one run of words alone, or when all its text is common: stands in more than
COMMON documents (Brown et al. 2020, appendix C, leave such out). Near-copies of one page make text common as well, so
this counts rather too many. Cost: one pass over a few columns.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc

from inspector.errors import InspectorError
from inspector.published import PublishedRun
from pipeline.totals import run_totals
from stages.base import StageError
from stages.decontamination.benchmark_files import benchmark_name
from stages.decontamination.stage import Decontaminate

#: Text in more documents than this is common; an item of which this share is covered is there for the most part.
COMMON, MOST_OF_IT, CHANCE_BELOW = 10, 0.8, 0.5

MATCHES, WORDS = "contamination_matches", "contamination_words"
_COLUMNS = ("file", "offset", "ordinal", "id", "url", "outcome", "rule")


class Match(NamedTuple):
    """A document's match of one item: the document's number, its place, and what became of it."""

    document: int
    place: str
    fate: str
    found: dict[str, Any]


@dataclass(frozen=True)
class Search:
    """What was looked for: by a stage of the recipe, or by `corpusmill measure` afterwards, which keeps no paths.

    `matches` and `words` are the columns that it left.
    """

    label: str
    action: str
    ngram: int
    names: list[str]
    stage: Decontaminate | None
    matches: str = MATCHES
    words: str = WORDS


def contamination_report(run: Path, examples: int, label: str | None = None) -> dict[str, Any]:
    """The account as plain data: of the recipe's stage, else of what was measured; or of what has the label.

    InspectorError where nothing in the run looked for benchmarks, or nothing of that label did.
    """
    published = PublishedRun(run)
    search = _search(published, label)
    matches = list(_matches(published, search.matches))
    documents_with = Counter[str]()
    for phrases in _phrases_by_document(matches).values():
        documents_with.update(phrases)
    by_benchmark: dict[str, list[Match]] = defaultdict(list)
    for match in matches:
        by_benchmark[match.found["benchmark"]].append(match)
    words = _words(published, search)
    files, collisions = _files(search, words)
    common = [(text, amount) for text, amount in documents_with.most_common() if amount > COMMON]
    return {
        "stage": search.label,
        "action": search.action,
        "ngram": search.ngram,
        "rejects_kept": published.plan.recipe.rejects.keep,
        "words_looked_at": words,
        "expected_hash_collisions": collisions,
        "benchmarks": [
            {
                "name": name,
                **files.get(name, {}),
                **_account(by_benchmark[name], documents_with, search.ngram, examples),
            }
            for name in search.names
        ],
        "common_texts": [{"documents": amount, "text": text} for text, amount in common[: max(examples, 1) * 3]],
    }


def _search(published: PublishedRun, label: str | None) -> Search:
    """What looked for benchmarks under a label; without one the recipe's last stage, else what was measured."""
    found = {search.label: search for search in _searches(published)}
    if not found:
        raise InspectorError(
            f"{published.run}: nothing looked for benchmarks; put the stage 'decontaminate' into the recipe, or "
            "`corpusmill measure RUN decontaminate --set benchmarks=[FILE] --set action=tag`"
        )
    if label is not None and label not in found:
        raise InspectorError(
            f"{published.run}: nothing named '{label}' looked for benchmarks; --label takes {', '.join(found)}"
        )
    return found[label] if label is not None else next(iter(found.values()))


def _searches(published: PublishedRun) -> Iterator[Search]:
    """The recipe's last stage that looks for benchmarks, and what was measured after the run."""
    for label, stage in reversed(published.plan.recipe.stages.items()):
        if isinstance(stage, Decontaminate):
            names = [benchmark_name(path) for path in stage.benchmarks]
            yield Search(label, stage.action, stage.ngram, names, stage)
            break
    for measurement in published.added.measurements:
        parts = [part for stages in measurement.stages for part in stages.values()]
        found = next((part for part in parts if part["stage"].endswith(f":{Decontaminate.__qualname__}")), None)
        # `measure` puts the label before names that the run has already.
        columns = [
            next((name for name in (column, f"{measurement.label}_{column}") if name in measurement.columns), column)
            for column in (MATCHES, WORDS)
        ]
        if found is not None and columns[0] in measurement.columns:
            names = [name.removeprefix("benchmark/") for name in found["assets"] if name.startswith("benchmark/")]
            parameters = found["parameters"]
            yield Search(measurement.label, parameters["action"], parameters["ngram"], names, None, *columns)


def _words(published: PublishedRun, search: Search) -> int:
    """Words in all texts that were searched, dropped ones among them."""
    if search.stage is not None:
        counters = run_totals(published.plan, published.workspace).counters
        return counters.get(f"{search.label}.{WORDS}", 0)
    name = search.words
    rows = (rows.batch for rows in published.row_groups(published.documents, [name]))
    return sum(pc.sum(batch.column(name)).as_py() or 0 for batch in rows if name in batch.schema.names)


def _matches(published: PublishedRun, column: str) -> Iterator[Match]:
    number = 0
    for files in (published.documents, published.rejects):
        for rows in published.row_groups(files, [*_COLUMNS, column]):
            if column not in rows.batch.schema.names:
                continue
            for row in rows.batch.filter(rows.batch.column(column).is_valid()).to_pylist():
                number += 1
                place = row.get("url") or row.get("id") or f"{row['file']} {row['offset']} {row['ordinal']}"
                fate = row.get("rule") or row.get("outcome") or "kept"
                for found in json.loads(row[column]):
                    yield Match(number, place, fate, found)


def _phrases_by_document(matches: list[Match]) -> dict[int, set[str]]:
    phrases: dict[int, set[str]] = defaultdict(set)
    for match in matches:
        phrases[match.document].update(_phrases(match))
    return phrases


def _phrases(match: Match) -> list[str]:
    """The matched text, without case and spacing."""
    return [" ".join(span["text"].casefold().split()) for span in match.found["spans"]]


def _account(matches: list[Match], documents_with: Counter[str], ngram: int, examples: int) -> dict[str, Any]:
    by_document: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        by_document[match.document].append(match)
    chance = sum(all(_may_be_chance(match, documents_with) for match in group) for group in by_document.values())
    short = sum(all(match.found["words"] < ngram for match in group) for group in by_document.values())
    best = sorted(matches, key=lambda match: (-match.found["coverage"], -match.found["ngrams"], match.document))
    return {
        "documents": len(by_document),
        "documents_dropped": len({match.document for match in matches if match.fate != "kept"}),
        "documents_perhaps_by_chance": chance,
        "documents_by_short_items_only": short,
        "items_found": len({match.found["item"] for match in matches}),
        "items_found_for_the_most_part": len({m.found["item"] for m in matches if m.found["coverage"] >= MOST_OF_IT}),
        "examples": [
            {
                "document": match.place,
                "fate": match.fate,
                "item": match.found["item"],
                "coverage": match.found["coverage"],
                "text": [span["text"] for span in match.found["spans"]],
            }
            for match in best[:examples]
        ],
    }


def _may_be_chance(match: Match, documents_with: Counter[str]) -> bool:
    if match.found["coverage"] >= CHANCE_BELOW:
        return False
    common = all(documents_with[phrase] > COMMON for phrase in _phrases(match))
    return common or match.found["ngrams"] == 1


def _files(search: Search, words: int) -> tuple[dict[str, dict[str, Any]], float | None]:
    """What the files hold, by name, and how many runs of words match by a collision of 64-bit hashes.

    Empty and None where the files no longer lie where they did.
    """
    if search.stage is None:
        return {}, None
    try:
        index = search.stage.index()
    except StageError:
        return {}, None
    collisions = words * len(index.widths) * len(index.hashes) / 2**64
    return {benchmark.name: asdict(benchmark) for benchmark in index.benchmarks}, collisions
