"""Drop pages that hold a word of a list, as C4 does with a public list of bad words (arXiv 1910.10683, section 2.2).

The text is compared in lower case. A word counts where no letter, digit or underscore stands beside it; in Chinese,
Japanese and Thai, which write no spaces, wherever it stands. Definitions are those of datatrove 0.10's
C4BadWordsFilter, but for its random share of pages that stay all the same. Cost: about 300 MB/s of English on one core.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stages.base import Filter, Rule, StageError
from stages.kept_files import kept_while_files_stay

if TYPE_CHECKING:
    import pyarrow as pa

_WITHOUT_SPACES = ("ja", "th", "zh")


class BadWordsFilter(Filter):
    """Drop documents that hold a word or phrase of your lists."""

    name: ClassVar[str] = "bad_words"
    libraries: ClassVar[tuple[str, ...]] = ("regex",)
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {"bad_word": "the first word of the lists in the text; '' if none"}

    lists: tuple[Path, ...] = Field(min_length=1, description="Files of words or phrases, one a line.")
    language: str = Field("en", description="Code of the lists' language; ja, th and zh are searched without spaces.")

    def assets(self) -> dict[str, Path]:
        for path in self.lists:
            if not path.is_file():
                raise StageError(f"{path}, named by lists of stage 'bad_words', is no file")
        return {f"lists/{position}": path for position, path in enumerate(self.lists)}

    def rules(self) -> list[Rule]:
        return [Rule("bad_word", "bad_word <> ''")]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add `bad_word` (string); needs `text`, null counts as empty."""
        import pyarrow as pa

        from stages.frames import needed_column, with_column

        texts = needed_column(batch, self.name, "text", "put extract_text before it").to_pylist()
        pattern = _pattern(self.lists, self.language in _WITHOUT_SPACES)
        found = [pattern.search((text or "").lower()) for text in texts]
        return with_column(batch, "bad_word", pa.array([match[0] if match else "" for match in found], pa.string()))


@kept_while_files_stay()
def _pattern(lists: tuple[Path, ...], anywhere: bool) -> Any:
    import regex

    words: set[str] = set()
    for path in lists:
        try:
            words.update(line.strip() for line in path.read_text("utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise StageError(f"{path}, named by lists of stage 'bad_words', is not UTF-8 text: {error}") from error
    words.discard("")
    if not words:
        raise StageError(f"{', '.join(map(str, lists))}: no word in the lists of stage 'bad_words'")
    return regex.compile(r"\L<words>" if anywhere else r"(?<!\w)\L<words>(?!\w)", words=sorted(words))
