"""The C4 edits and counts, slow and straight from the definitions, for property tests."""

import re
import unicodedata

from stages.punctuation_table import SENTENCE_END, punctuation_classes
from stages.words import split

CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def edit(text: str, ends: str, min_words: int, max_word_length: int) -> dict[str, int | str]:
    """What C4Lines gives with every edit on; no `ends`: lines may end as they like."""
    reasons = ("long_word", "unended", "few_words", "javascript", "policy")
    counts = {f"c4_cut_{reason}": 0 for reason in reasons}
    kept: list[str] = []
    lines = text.splitlines()
    lorem, curly, citations, characters = 0, 0, 0, 0

    def cut(reason: str, line: str) -> None:
        nonlocal characters
        counts[f"c4_cut_{reason}"] += 1
        characters += len(line)

    for number, whole in enumerate(lines, 1):
        line = whole.strip()
        words = line.split()
        if any(len(word) > max_word_length for word in words):
            cut("long_word", line)
            continue
        bare = CITATION.sub("", line)
        found = CITATION.findall(line)
        lower = bare.lower()
        if ends and (not bare.endswith(tuple(ends)) or bare.endswith("...")):
            cut("unended", line)
            continue
        if len(words) < min_words:
            cut("few_words", line)
            continue
        if "lorem ipsum" in lower:
            lorem = lorem or number
        if "javascript" in lower:
            cut("javascript", line)
            continue
        if "{" in bare:
            curly = curly or number
        if any(phrase in lower for phrase in POLICY):
            cut("policy", line)
            continue
        citations += len(found)
        characters += sum(map(len, found))
        kept.append(bare)
    return {
        "text": "\n".join(kept).strip(),
        "c4_lines": len(lines),
        "c4_cut_lines": sum(counts.values()),
        "c4_cut_characters": characters,
        **counts,
        "c4_cut_citations": citations,
        "c4_lorem_ipsum_line": lorem,
        "c4_curly_bracket_line": curly,
        "c4_sentences": sum(map(count_sentences, kept)),
    }


def count_sentences(line: str) -> int:
    """spaCy's sentencizer over our words and over white space that is more than one space."""
    marks = punctuation_classes()
    tokens = []
    rest = line
    for word in split(line):
        space, _, rest = rest.partition(word)
        tokens += [space] if space not in ("", " ") else []
        tokens.append(word)
    tokens += [rest] if rest and (rest != " " or not tokens) else []
    sentences, ended = min(len(tokens), 1), False
    for token in tokens:
        is_end = len(token) == 1 and bool(marks[ord(token)] & SENTENCE_END) if ord(token[0]) < len(marks) else False
        if is_end:
            ended = True
        elif ended and not all(unicodedata.category(character).startswith("P") for character in token):
            sentences, ended = sentences + 1, False
    return sentences
