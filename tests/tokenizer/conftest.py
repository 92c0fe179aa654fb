"""Real texts, small enough for `tokenizers` to be asked about all of them."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import tokenizer
from tokenizer.bpe_train import train_merges
from tokenizer.file import write_tokenizer
from tokenizer.pretokenize import split_pattern
from tokenizer.text_files import read_texts
from tokenizer.word_counts import WordCounter


@pytest.fixture(scope="session")
def corpora(shared_data: Path) -> dict[str, list[str]]:
    """Technical English, speeches and the declaration of human rights in many scripts."""
    files = {
        "tech": ("text/english_tech.jsonl.zst", 24),
        "speeches": ("text/english_speeches.jsonl.zst", 4),
        "languages": ("langid/udhr.jsonl.zst", 4),
    }
    return {
        name: [text for texts in read_texts(shared_data / file) for text in texts.to_pylist()][::step]
        for name, (file, step) in files.items()
    }


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tokenizer.Tokenizer]:
    """A small tokenizer by the name of its pattern, trained on this project's own words."""
    made: dict[str, tokenizer.Tokenizer] = {}

    def make(pattern: str) -> tokenizer.Tokenizer:
        if pattern not in made:
            counter = WordCounter(split_pattern(pattern))
            counter.add(pa.array([path.read_text() for path in sorted(Path(tokenizer.__path__[0]).glob("*.py"))]))
            path = tmp_path_factory.mktemp(pattern) / "tokenizer.json"
            write_tokenizer(path, train_merges(counter.finish(), 1500), split_pattern(pattern))
            made[pattern] = tokenizer.load(path)
        return made[pattern]

    return make
