"""How far our rule sets agree with datatrove's: by rule set, by rule, near the thresholds, and why they differ.

    python -m benchmarks.rule_agreement --in PATH [--profile fineweb-v1] [--documents N] [--json]
    python -m benchmarks.rule_agreement --in PATH --documents 500 --record tests/golden/rule_decisions.jsonl

Asks datatrove (0.10, or 0.2 for the profile fineweb-v1; `make peers` installs both) about every different text of
PATH (benchmarks/texts.py says of which kinds), or about N of them, evenly spread. `given` compares decision and
first reason of every text when our kernels take datatrove's words and sentences; `ours` those of the English texts
(as the language stage finds them) when they split words themselves: for each rule how many documents both, only
ours or only datatrove would drop, and how many documents near a threshold (10 %) have the same decision.
`open_c4` are C4's rules where lines may end without punctuation, `chain` FineWeb's rules on what those edits leave.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import unicodedata
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.paired import peers_python
from benchmarks.texts import are_english, read_texts
from stages.base import Rule
from stages.c4 import C4Filter
from stages.c4_lines import C4Lines
from stages.c4_paragraphs import C4ParagraphFilter
from stages.fineweb import FineWebFilter
from stages.gopher import GopherFilter
from stages.judge import Judge
from stages.rules.profile import DEFAULT
from stages.word_exceptions import word_exceptions
from stages.words import split

RULE_SETS = ("repetition", "quality", "c4", "open_c4", "c4_paragraphs", "fineweb", "chain")
NEAR = 0.1
_CHUNK = 200
_ORACLE = Path(__file__).parents[1] / "tests" / "stages" / "rule_oracle.py"


class Measured(NamedTuple):
    """What a rule set measured of some texts, and its rules."""

    rules: list[Rule]
    batch: pa.RecordBatch

    def reasons(self) -> list[str | None]:
        return [None if index < 0 else self.rules[index].name for index in Judge(self.rules)(self.batch).first]


# ------------------------------------------------------------------------------------------- datatrove's side


def datatrove_environment(profile: str) -> dict[str, str] | None:
    """The environment that the peers' interpreter needs for a profile; None where something is not installed."""
    python = peers_python()
    if python is None:
        return None
    if profile == DEFAULT:
        return {}
    old = Path(os.environ.get("CORPUSMILL_DATATROVE_02") or Path(python).parents[1] / "datatrove-0.2")
    return {"PYTHONPATH": str(old.resolve())} if old.is_dir() else None


def ask_datatrove(texts: list[str], profile: str = DEFAULT) -> Iterator[dict[str, Any]]:
    """A verdict for each text, as tests/stages/rule_oracle.py gives it."""
    environment = datatrove_environment(profile)
    if environment is None:
        raise SystemExit("datatrove is not here: run `make peers` or set CORPUSMILL_PEERS_PYTHON")
    command, pipe = [peers_python() or "", str(_ORACLE)], subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **environment}
    ) as oracle:
        assert oracle.stdin is not None and oracle.stdout is not None
        for text in texts:
            oracle.stdin.write(json.dumps({"text": text}) + "\n")
            oracle.stdin.flush()
            line = oracle.stdout.readline()
            if not line:
                raise SystemExit(f"{_ORACLE.name} ended; run it by hand to see why")
            yield json.loads(line)
        oracle.stdin.close()


def reasons_of(verdicts: list[dict[str, Any]], rule_set: str) -> list[str | None]:
    """datatrove's first reason for each text; None for the chain where the page never got there."""
    if rule_set == "chain":
        return [verdict["open_c4"].get("fineweb") for verdict in verdicts]
    given = [verdict[rule_set] for verdict in verdicts]
    return [one["reason"] if isinstance(one, dict) else one for one in given]


# ------------------------------------------------------------------------------------------------- our side


def as_batch(texts: list[str]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def line_edits(profile: str) -> dict[str, C4Lines]:
    """C4's line edits with terminal punctuation asked for, as datatrove's default, and without."""
    return {
        "c4": C4Lines(profile=profile, terminal_punctuation=C4Lines().terminal_punctuation),
        "open_c4": C4Lines(profile=profile, terminal_punctuation=None),
    }


def measure(texts: list[str], profile: str, verdicts: list[dict[str, Any]] | None = None) -> dict[str, Measured]:
    """Every rule set's measurements, with datatrove's words and sentences where verdicts are given."""
    batch = as_batch(texts)
    gopher, fineweb = GopherFilter(profile=profile), FineWebFilter(profile=profile)
    c4, paragraphs = C4Filter(profile=profile), C4ParagraphFilter(profile=profile)
    edited = {name: edits(batch) for name, edits in line_edits(profile).items()}
    if verdicts is None:
        words, lines, chain = gopher(batch), fineweb(batch), fineweb(edited["open_c4"])
    else:
        words = gopher.measure_given_words(batch, [verdict["words"] for verdict in verdicts])
        lines = fineweb.measure_given_words(batch, [len(verdict["words"]) for verdict in verdicts])
        counts = [verdict["open_c4"].get("words", 0) for verdict in verdicts]
        chain = fineweb.measure_given_words(edited["open_c4"], counts)
        for name, table in edited.items():
            place = table.schema.get_field_index("c4_sentences")
            counted = table.column("c4_sentences").to_pylist()
            # datatrove stops counting where lorem ipsum or a curly bracket ends a page.
            sentences = [
                verdict[name]["sentences"] if verdict[name]["reason"] in (None, "too_few_sentences") else ours
                for verdict, ours in zip(verdicts, counted, strict=True)
            ]
            edited[name] = table.set_column(place, "c4_sentences", pa.array(sentences, pa.int64()))
    groups = {group: GopherFilter(profile=profile, order=(group,)).rules() for group in ("repetition", "quality")}
    return {
        **{group: Measured(rules, words) for group, rules in groups.items()},
        **{name: Measured(c4.rules(), table) for name, table in edited.items()},
        "c4_paragraphs": Measured(paragraphs.rules(), paragraphs(batch)),
        "fineweb": Measured(fineweb.rules(), lines),
        "chain": Measured(fineweb.rules(), chain),
    }


# ----------------------------------------------------------------------------------------------- comparison


class Tally:
    """Counts over all texts seen so far."""

    def __init__(self) -> None:
        self.documents: Counter[str] = Counter()
        self.pairs: dict[str, Counter[tuple[str | None, str | None]]] = {name: Counter() for name in RULE_SETS}
        self.rules: dict[str, dict[str, Counter[str]]] = {name: {} for name in RULE_SETS}
        self.near: dict[str, Counter[bool]] = {name: Counter() for name in RULE_SETS}
        self.causes: dict[str, dict[str, Any]] = {}

    def compare(self, rule_set: str, mine: list[str | None], theirs: list[str | None]) -> None:
        self.pairs[rule_set].update(zip(mine, theirs, strict=True))

    def as_object(self) -> dict[str, Any]:
        rule_sets = {}
        for name, pairs in self.pairs.items():
            different = [{"ours": a, "datatrove": b, "documents": n} for (a, b), n in pairs.most_common() if a != b]
            rule_sets[name] = {
                "documents": pairs.total(),
                "equal": sum(count for (one, other), count in pairs.items() if one == other),
                "dropped": sum(count for (_, other), count in pairs.items() if other),
                "different": different,
                "near": self.near[name].total(),
                "near_equal": self.near[name][True],
                "rules": {rule: dict(counts) for rule, counts in self.rules[name].items()},
            }
        return {**self.documents, "rule_sets": rule_sets, "causes": self.causes}


def compare_given(tally: Tally, texts: list[str], verdicts: list[dict[str, Any]], profile: str) -> dict[str, Measured]:
    """Decisions and edited texts when words and sentences are datatrove's."""
    measured = measure(texts, profile, verdicts)
    arrived = np.array([verdict["open_c4"]["edited"] is not None for verdict in verdicts])
    for name in RULE_SETS:
        seen = arrived if name == "chain" else np.full(len(texts), True)
        mine, theirs = measured[name].reasons(), reasons_of(verdicts, name)
        tally.compare(
            name, *([one for one, is_seen in zip(side, seen, strict=True) if is_seen] for side in (mine, theirs))
        )
    for name in ("c4", "open_c4"):
        edited = measured[name].batch.column("text").to_pylist()
        for text, verdict in zip(edited, verdicts, strict=True):
            if verdict[name]["edited"] is not None:
                tally.documents[f"{name}_edited"] += 1
                tally.documents[f"{name}_edited_equal"] += text == verdict[name]["edited"]
    tally.documents["documents"] += len(texts)
    tally.documents["bytes"] += sum(len(text.encode()) for text in texts)
    return measured


def compare_ours(tally: Tally, texts: list[str], verdicts: list[dict[str, Any]], profile: str) -> None:
    """Decisions when we split words ourselves, by rule and near the thresholds."""
    own, given = measure(texts, profile), measure(texts, profile, verdicts)
    arrived = np.array([verdict["open_c4"]["edited"] is not None for verdict in verdicts])
    for name in RULE_SETS:
        seen = arrived if name == "chain" else np.full(len(texts), True)
        mine, theirs = np.array(own[name].reasons()), np.array(reasons_of(verdicts, name))
        tally.compare(name, mine[seen].tolist(), theirs[seen].tolist())
        near_any = np.zeros(len(texts), dtype=bool)
        for rule in own[name].rules:
            dropped = [_verdicts(rule, side[name].batch) for side in (own, given)]
            near = _is_near(rule, given[name].batch)
            near_any |= near
            counts = tally.rules[name].setdefault(rule.name, Counter())
            counts["both_drop"] += int((seen & dropped[0] & dropped[1]).sum())
            counts["only_ours"] += int((seen & dropped[0] & ~dropped[1]).sum())
            counts["only_datatrove"] += int((seen & ~dropped[0] & dropped[1]).sum())
            counts["both_keep"] += int((seen & ~dropped[0] & ~dropped[1]).sum())
            counts["near"] += int((seen & near).sum())
            counts["near_agree"] += int((seen & near & (dropped[0] == dropped[1])).sum())
        tally.near[name].update((mine == theirs)[seen & near_any].tolist())
    tally.documents["documents"] += len(texts)
    tally.documents["bytes"] += sum(len(text.encode()) for text in texts)
    for text, verdict in zip(texts, verdicts, strict=True):
        words = split(text)
        tally.documents["same_words"] += words == verdict["words"]
        if words != verdict["words"]:
            _add_causes(tally.causes, words, verdict["words"])
    for name in ("c4", "open_c4"):
        counted = own[name].batch.column("c4_sentences").to_pylist()
        same = [verdict[name]["sentences"] == one for one, verdict in zip(counted, verdicts, strict=True)]
        judged = [verdict[name]["reason"] in (None, "too_few_sentences") for verdict in verdicts]
        tally.documents[f"{name}_sentences"] += sum(judged)
        tally.documents[f"{name}_same_sentences"] += sum(a and b for a, b in zip(same, judged, strict=True))


def _verdicts(rule: Rule, batch: pa.RecordBatch) -> np.ndarray:
    frame = pl.DataFrame({name: pl.Series(batch.column(name)) for name in batch.schema.names if name in rule.drop_if})
    return frame.select(pl.sql_expr(rule.drop_if).fill_null(False).alias("verdict"))["verdict"].to_numpy()


def _is_near(rule: Rule, batch: pa.RecordBatch) -> np.ndarray:
    column, _, threshold = rule.drop_if.split(" ")[:3]
    values = batch.column(column).to_numpy(zero_copy_only=False).astype(float)
    return (np.abs(values - float(threshold)) <= NEAR * float(threshold)) & (float(threshold) > 0)


def _add_causes(causes: dict[str, dict[str, Any]], words: list[str], theirs: list[str]) -> None:
    """Name why words differ, with the number of places and one example each."""
    for tag, low, high, start, end in SequenceMatcher(None, theirs, words, autojunk=False).get_opcodes():
        if tag != "equal":
            cause = _name_cause("".join(theirs[low:high] + words[start:end]), theirs[low:high], words[start:end])
            entry = causes.setdefault(cause, {"places": 0, "datatrove": theirs[low:high], "ours": words[start:end]})
            entry["places"] += 1


def _name_cause(characters: str, theirs: list[str], ours: list[str]) -> str:
    exceptions = word_exceptions()
    if any(unicodedata.category(character) == "So" for character in characters):
        return "a sign or pictograph newer than spaCy's list"
    if any(word in exceptions for word in (*theirs, *ours, "".join(ours))):
        return "spaCy lets an emoticon that spans white space keep words from being joined"
    if not characters.isascii():
        return "a letter or mark that spaCy's classes do not list"
    return "not explained"


# ------------------------------------------------------------------------------------------------ front door


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.rule_agreement", description="Agreement with datatrove.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a file or folder of texts")
    parser.add_argument("--profile", choices=[DEFAULT, "fineweb-v1"], default=DEFAULT)
    parser.add_argument("--documents", type=int, help="compare at most this many")
    parser.add_argument("--record", type=Path, help="write datatrove's decisions by hash of the text, for tests")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.path.exists():
        parser.error(f"--in {options.path}: no such file or folder")
    texts = list(dict.fromkeys(read_texts(options.path)))
    if options.documents and options.documents < len(texts):
        texts = [texts[place] for place in np.linspace(0, len(texts) - 1, options.documents).astype(int)]
    if options.record:
        record(options.record, texts)
        return
    report = compare(texts, options.profile)
    if options.json:
        print(json.dumps(report))
    else:
        show(report)


def compare(texts: list[str], profile: str) -> dict[str, Any]:
    """The whole report as one object."""
    given, ours = Tally(), Tally()
    verdicts = ask_datatrove(texts, profile)
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        answers = [next(verdicts) for _ in chunk]
        compare_given(given, chunk, answers, profile)
        pairs = [pair for pair, keep in zip(zip(chunk, answers, strict=True), are_english(chunk), strict=True) if keep]
        if pairs:
            compare_ours(ours, [text for text, _ in pairs], [answer for _, answer in pairs], profile)
    return {"name": "rule_agreement", "profile": profile, "given": given.as_object(), "ours": ours.as_object()}


def text_hash(text: str) -> str:
    """Names a text in the recorded decisions."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def record(path: Path, texts: list[str]) -> None:
    """One JSON line a text: its hash, the hashes of its words and of its edited text, and datatrove's reasons."""
    with path.open("w", encoding="utf-8") as file:
        for text, verdict in zip(texts, ask_datatrove(texts), strict=True):
            edited = verdict["open_c4"]["edited"]
            line = {
                "text": text_hash(text),
                "words": text_hash("\n".join(verdict["words"])),
                "edited": edited and text_hash(edited),
                **{name: reasons_of([verdict], name)[0] for name in RULE_SETS},
            }
            file.write(json.dumps(line) + "\n")


def show(report: dict[str, Any]) -> None:
    """Print the report as tables."""
    print(f"rule_agreement, {report['profile']}")
    for title in ("given", "ours"):
        part = report[title]
        print(f"{title}: {part['documents']:,} documents, {part['bytes'] / 1e6:.1f} MB")
        for name, one in part["rule_sets"].items():
            near = f", near a threshold {one['near_equal']:,} of {one['near']:,}" if title == "ours" else ""
            print(f"  {name:14} same decision and reason: {one['equal']:,} of {one['documents']:,}{near}")
            for pair in one["different"]:
                print(f"      {pair['documents']} x ours {pair['ours']}, datatrove {pair['datatrove']}")
        for name in part:
            if name not in ("documents", "bytes", "rule_sets", "causes"):
                print(f"  {name}: {part[name]:,}")
    print(f"  {'rule':30} {'both':>7} {'ours':>7} {'theirs':>7} {'keep':>8}   within 10 %: agree")
    for one in report["ours"]["rule_sets"].values():
        for name, row in one["rules"].items():
            counts = f"{row['both_drop']:7,} {row['only_ours']:7,} {row['only_datatrove']:7,} {row['both_keep']:8,}"
            print(f"  {name:30} {counts}   {row['near_agree']:,} of {row['near']:,}")
    for cause, entry in report["ours"]["causes"].items():
        print(f"  {entry['places']} x {cause}: {entry['datatrove']} / {entry['ours']}")


if __name__ == "__main__":
    main()
