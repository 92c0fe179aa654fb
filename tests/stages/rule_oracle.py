"""What datatrove says of texts: words, sentences, reasons and edited texts. Run by the peers' interpreter.

    .venv-peers/bin/python tests/stages/rule_oracle.py < texts.jsonl > verdicts.jsonl

Each input line is {"text": ..., "parameters": {rule set: {...}}?} with the filters' own parameters by rule set
(repetition, quality, c4, paragraphs, fineweb). Each output line holds, for each rule set, the first reason or null,
where the name of an exception stands for a filter that fails on the text; `words`, those of the text; `sentences`,
how many the C4 filter counted; `edited`, the text that it leaves, null where it drops the page; `chain`, what the
FineWeb rules say of that text, and `chain_words`, how many words it has.
"""

import json
import sys
import warnings

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4ParagraphFilter,
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    c4_filters,
)
from datatrove.utils.text import split_into_words

FILTERS = {
    "repetition": GopherRepetitionFilter,
    "quality": GopherQualityFilter,
    "c4": C4QualityFilter,
    "paragraphs": C4ParagraphFilter,
    "fineweb": FineWebQualityFilter,
}
blocks: dict[str, object] = {}
sentences: list[int] = []
split_into_sentences = c4_filters.split_into_sentences


def counting_sentences(text: str, language: str) -> list[str]:
    found = split_into_sentences(text, language)
    sentences.append(len(found))
    return found


def judge(rule_set: str, text: str, parameters: dict) -> tuple[str | None, str]:
    """The first reason, and the text as the filter leaves it."""
    key = f"{rule_set}{json.dumps(parameters, sort_keys=True)}"
    if key not in blocks:
        blocks[key] = FILTERS[rule_set](**parameters)
    document = Document(text=text, id="0")
    try:
        verdict = blocks[key].filter(document)
    except (ZeroDivisionError, AssertionError, ValueError) as error:
        return type(error).__name__, document.text
    return (None if verdict is True else verdict[1]), document.text


def main() -> None:
    warnings.filterwarnings("ignore")
    c4_filters.split_into_sentences = counting_sentences
    for line in sys.stdin:
        row = json.loads(line)
        text, parameters = row["text"], row.get("parameters", {})
        verdict: dict[str, object] = {"words": split_into_words(text)}
        for rule_set in FILTERS:
            sentences.clear()
            reason, edited = judge(rule_set, text, parameters.get(rule_set, {}))
            verdict[rule_set] = reason
            if rule_set == "c4":
                verdict["sentences"] = sum(sentences)
                verdict["edited"] = edited if reason is None else None
        if verdict["edited"] is not None:
            verdict["chain"], _ = judge("fineweb", verdict["edited"], parameters.get("fineweb", {}))
            verdict["chain_words"] = len(split_into_words(verdict["edited"]))
        json.dump(verdict, sys.stdout)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
