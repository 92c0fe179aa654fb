"""What datatrove says of texts: words, sentences, reasons and edited texts. Run by the peers' interpreter.

    .venv-peers/bin/python tests/stages/rule_oracle.py < texts.jsonl > verdicts.jsonl
    PYTHONPATH=.venv-peers/datatrove-0.2 ...the same, for datatrove 0.2

Each input line is {"text": ...}; each output line, written before the next is read, holds `words`, those of the text,
and for each rule set, with the filters' defaults, the first reason or null (the name of an exception stands for a
filter that fails on the text): repetition, quality, fineweb, c4_paragraphs, and under `c4` and `open_c4` (lines may
end without punctuation) {"reason", "sentences", "edited"}, where the edited text is null for a dropped page;
`open_c4` goes on with `fineweb` and `words` (their number) of the edited text. datatrove 0.2 is given the words and
sentences of spaCy, as 0.10 splits them, in place of NLTK's.
"""

import json
import sys
import warnings
from functools import cache

from datatrove.data import Document
from datatrove.pipeline import filters

try:
    from datatrove.pipeline.filters import c4_filters
    from datatrove.utils.text import split_into_sentences, split_into_words
except ImportError:  # datatrove 0.2
    import nltk
    import spacy

    c4_filters = None
    english = spacy.blank("en")
    english.add_pipe("sentencizer")
    english.max_length = sys.maxsize

    def split_into_words(text: str, language: str = "") -> list[str]:
        return [word.text.strip() for word in english(text) if word.text.strip()]

    def split_into_sentences(text: str, language: str = "") -> list[str]:
        return [sentence.text for sentence in english(text).sents]


#: Those of the text at hand are kept, for every filter asks for them.
words_of = cache(split_into_words)
kept_sentences = cache(split_into_sentences)
sentences: list[int] = []


def sentences_of(text: str, language: str = "") -> list[str]:
    found = kept_sentences(text)
    sentences.append(len(found))
    return found


def use_kept_words() -> None:
    """Have every filter take words and sentences from the caches."""
    if c4_filters is None:
        nltk.word_tokenize = nltk.tokenize.word_tokenize = lambda text, language="": words_of(text)
        nltk.tokenize.sent_tokenize = sentences_of
        return
    for module in (filters.gopher_quality_filter, filters.gopher_repetition_filter, filters.fineweb_quality_filter):
        module.split_into_words = lambda text, language: words_of(text)
    c4_filters.split_into_sentences = sentences_of


def judge(block, text: str) -> tuple[str | None, str]:
    """The first reason, and the text as the filter leaves it."""
    document = Document(text=text, id="0")
    try:
        verdict = block.filter(document)
    except ZeroDivisionError as error:
        return type(error).__name__, document.text
    return (None if verdict is True else verdict[1]), document.text


def judge_c4(block, text: str) -> dict[str, object]:
    sentences.clear()
    reason, edited = judge(block, text)
    return {"reason": reason, "sentences": sum(sentences), "edited": edited if reason is None else None}


def main() -> None:
    warnings.filterwarnings("ignore")
    use_kept_words()
    blocks = {
        "repetition": filters.GopherRepetitionFilter(),
        "quality": filters.GopherQualityFilter(),
        "fineweb": filters.FineWebQualityFilter(exclusion_writer=None),
        "c4_paragraphs": filters.C4ParagraphFilter(),
    }
    c4 = filters.C4QualityFilter()
    open_c4 = filters.C4QualityFilter(filter_no_terminal_punct=False)
    for line in sys.stdin:
        words_of.cache_clear()
        kept_sentences.cache_clear()
        text = json.loads(line)["text"]
        verdict = {"words": words_of(text), **{name: judge(block, text)[0] for name, block in blocks.items()}}
        verdict["c4"], verdict["open_c4"] = judge_c4(c4, text), judge_c4(open_c4, text)
        edited = verdict["open_c4"]["edited"]
        if edited is not None:
            verdict["open_c4"]["fineweb"] = judge(blocks["fineweb"], edited)[0]
            verdict["open_c4"]["words"] = len(words_of(edited))
        print(json.dumps(verdict), flush=True)


if __name__ == "__main__":
    main()
