"""What datatrove 0.10 says of texts: its words, decisions and first reasons. Run by the peers' interpreter.

    .venv-peers/bin/python tests/stages/gopher_oracle.py < texts.jsonl > decisions.jsonl

Each input line is {"text": ..., "quality": {...}?, "repetition": {...}?} with the filters' own parameters.
Each output line is {"words": [...], "quality": reason or null, "repetition": reason or null}, where the reason
"ZeroDivisionError" stands for a filter that fails on the text.
"""

import json
import sys
import warnings

from datatrove.data import Document
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
from datatrove.utils.text import split_into_words


def first_reason(block, text: str) -> str | None:
    try:
        verdict = block.filter(Document(text=text, id="0"))
    except ZeroDivisionError:
        return "ZeroDivisionError"
    return None if verdict is True else verdict[1]


def main() -> None:
    warnings.filterwarnings("ignore")
    blocks: dict[str, object] = {}

    def block(kind, parameters):
        key = f"{kind.__name__}{json.dumps(parameters, sort_keys=True)}"
        if key not in blocks:
            blocks[key] = kind(**parameters)
        return blocks[key]

    for line in sys.stdin:
        row = json.loads(line)
        text = row["text"]
        verdict = {
            "words": split_into_words(text),
            "quality": first_reason(block(GopherQualityFilter, row.get("quality") or {}), text),
            "repetition": first_reason(block(GopherRepetitionFilter, row.get("repetition") or {}), text),
        }
        json.dump(verdict, sys.stdout)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
