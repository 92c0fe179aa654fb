"""The tokenizer of the tasks before, for the next task of the same process.

Loading one takes a quarter of a second, longer than many tasks take to encode.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stages.kept_files import kept_while_files_stay

if TYPE_CHECKING:
    from tokenizer import Tokenizer
    from tokenizer.file import TokenizerFile


@kept_while_files_stay(most=1)
def loaded_tokenizer(path: Path) -> Tokenizer:
    """As tokenizer.load."""
    import tokenizer

    return tokenizer.load(path)


@kept_while_files_stay(most=1)
def tokenizer_file(path: Path) -> TokenizerFile:
    """As TokenizerFile.read: what is known of the ids, without what encodes."""
    from tokenizer.file import TokenizerFile

    return TokenizerFile.read(path)
