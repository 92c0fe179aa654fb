"""How far our Gopher decisions agree with datatrove's: by rule, near the thresholds, and why they differ.

    python -m benchmarks.gopher_agreement --in PATH [--documents N] [--json]
    python -m benchmarks.gopher_agreement --in PATH --documents 500 --record tests/golden/gopher_decisions.jsonl

Takes the English texts (as the language stage finds them) of PATH (benchmarks/texts.py says of which kinds), at
most N, evenly spread. `given_words` compares decisions and first reasons when our kernel measures datatrove's
words; `our_words` when it splits them itself: first reasons, then for each rule how many documents both, only
ours or only datatrove would drop, and of the documents within 10 % of its threshold how many agree.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import unicodedata
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.paired import peers_python
from benchmarks.texts import english, read_texts
from stages.base import Rule
from stages.gopher import GopherFilter
from stages.judge import Judge
from stages.word_exceptions import word_exceptions
from stages.words import split

GROUPS = ("repetition", "quality")
NEAR = 0.1
_ORACLE = Path(__file__).parents[1] / "tests" / "stages" / "gopher_oracle.py"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.gopher_agreement", description="Agreement with datatrove.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a file or folder of texts")
    parser.add_argument("--documents", type=int, help="compare at most this many")
    parser.add_argument("--record", type=Path, help="write datatrove's decisions by hash of the text, for tests")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.path.exists():
        parser.error(f"--in {options.path}: no such file or folder")
    texts = english(list(read_texts(options.path)))
    if options.documents and options.documents < len(texts):
        texts = [texts[place] for place in np.linspace(0, len(texts) - 1, options.documents).astype(int)]
    verdicts = ask_datatrove(texts)
    if options.record:
        record(options.record, texts, verdicts)
        return
    report = compare(texts, verdicts)
    if options.json:
        print(json.dumps(report))
    else:
        show(report)


def ask_datatrove(texts: list[str]) -> list[dict[str, Any]]:
    """Words, decisions and first reasons, as tests/stages/gopher_oracle.py gives them."""
    python = peers_python()
    if python is None:
        raise SystemExit("datatrove is not here: run `make peers` or set CORPUSMILL_PEERS_PYTHON")
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run([python, str(_ORACLE)], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def text_hash(text: str) -> str:
    """Names a text in the recorded decisions."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def record(path: Path, texts: list[str], verdicts: list[dict[str, Any]]) -> None:
    """One JSON line a text: its hash, datatrove's reasons, and the hash of its words."""
    with path.open("w", encoding="utf-8") as file:
        for text, verdict in zip(texts, verdicts, strict=True):
            words = text_hash("\n".join(verdict["words"]))
            line = {"text": text_hash(text), "words": words, **{group: verdict[group] for group in GROUPS}}
            file.write(json.dumps(line) + "\n")


def compare(texts: list[str], verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole report as one object."""
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    theirs = [verdict["words"] for verdict in verdicts]
    stage = GopherFilter()
    given, own = stage.measure_given_words(batch, theirs), stage(batch)
    words = [split(text) for text in texts]
    return {
        "name": "gopher_agreement",
        "input": {"documents": len(texts), "bytes": sum(len(text.encode()) for text in texts)},
        "given_words": {group: first_reasons(given, verdicts, group) for group in GROUPS},
        "our_words": {
            "documents_with_the_same_words": sum(mine == other for mine, other in zip(words, theirs, strict=True)),
            **{group: first_reasons(own, verdicts, group) for group in GROUPS},
            "rules": {rule.name: by_rule(rule, own, given) for rule in stage.rules()},
            "causes": causes(words, theirs),
        },
    }


def first_reasons(measured: pa.RecordBatch, verdicts: list[dict[str, Any]], group: str) -> dict[str, Any]:
    """Documents with the same decision and first reason, and the pairs that differ."""
    rules = GopherFilter(order=(group,)).rules()  # type: ignore[arg-type]
    mine = [None if index < 0 else rules[index].name for index in Judge(rules)(measured).first]
    pairs = Counter((one, verdict[group]) for one, verdict in zip(mine, verdicts, strict=True))
    different = [{"ours": a, "datatrove": b, "documents": n} for (a, b), n in pairs.most_common() if a != b]
    equal = sum(count for (one, other), count in pairs.items() if one == other)
    return {"equal": equal, "dropped": sum(n for (_, b), n in pairs.items() if b), "different": different}


def by_rule(rule: Rule, own: pa.RecordBatch, given: pa.RecordBatch) -> dict[str, int]:
    """The confusion table of one rule, and the agreement near its threshold."""
    column, _, threshold = rule.drop_if.split(" ")
    verdict = pl.sql_expr(rule.drop_if).fill_null(False).alias("verdict")
    mine, theirs = (
        pl.DataFrame({column: pl.Series(side.column(column))}).select(verdict)["verdict"].to_numpy()
        for side in (own, given)
    )
    values = given.column(column).to_numpy(zero_copy_only=False).astype(float)
    near = np.abs(values - float(threshold)) <= NEAR * float(threshold)
    return {
        "both_drop": int((mine & theirs).sum()),
        "only_ours": int((mine & ~theirs).sum()),
        "only_datatrove": int((~mine & theirs).sum()),
        "both_keep": int((~mine & ~theirs).sum()),
        "near": int(near.sum()),
        "near_agree": int((near & (mine == theirs)).sum()),
    }


def causes(words: list[list[str]], theirs: list[list[str]]) -> dict[str, Any]:
    """Named causes of differing words, each with its number of places and one example."""
    found: dict[str, dict[str, Any]] = {}
    for mine, other in zip(words, theirs, strict=True):
        if mine == other:
            continue
        for tag, low, high, start, end in SequenceMatcher(None, other, mine, autojunk=False).get_opcodes():
            if tag != "equal":
                cause = name_cause("".join(other[low:high] + mine[start:end]), other[low:high], mine[start:end])
                entry = found.setdefault(cause, {"places": 0, "datatrove": other[low:high], "ours": mine[start:end]})
                entry["places"] += 1
    return found


def name_cause(characters: str, theirs: list[str], ours: list[str]) -> str:
    """Why a stretch of text was split otherwise."""
    exceptions = word_exceptions()
    if any(unicodedata.category(character) == "So" for character in characters):
        return "a sign or pictograph newer than spaCy's list"
    if any(word in exceptions for word in (*theirs, *ours, "".join(ours))):
        return "spaCy lets an emoticon that spans white space keep words from being joined"
    if not characters.isascii():
        return "a letter or mark that spaCy's classes do not list"
    return "not explained"


def show(report: dict[str, Any]) -> None:
    """Print the report as a table."""
    total = report["input"]["documents"]
    print(f"gopher_agreement: {total:,} documents, {report['input']['bytes'] / 1e6:.1f} MB")
    for title in ("given_words", "our_words"):
        for group in GROUPS:
            part = report[title][group]
            print(
                f"  {title:12} {group:11} same decision and reason: {part['equal']:,} of {total:,}", part["different"]
            )
    print(f"  same words: {report['our_words']['documents_with_the_same_words']:,} of {total:,}")
    print(f"  {'rule':30} {'both':>7} {'ours':>7} {'theirs':>7} {'keep':>8}   within 10 %: agree")
    for name, row in report["our_words"]["rules"].items():
        counts = f"{row['both_drop']:7,} {row['only_ours']:7,} {row['only_datatrove']:7,} {row['both_keep']:8,}"
        print(f"  {name:30} {counts}   {row['near_agree']:,} of {row['near']:,}")
    for cause, entry in report["our_words"]["causes"].items():
        print(f"  {entry['places']} x {cause}: {entry['datatrove']} / {entry['ours']}", file=sys.stdout)


if __name__ == "__main__":
    main()
