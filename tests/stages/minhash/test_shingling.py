"""What is compared is said once, and what contradicts itself is refused in a line that says how to mend it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from stages.minhash.shingling import Shingling


def test_compat_implies_the_rest() -> None:
    shingling = Shingling(compat="datatrove")
    assert (shingling.normalize, shingling.unit, shingling.hash) == ("datatrove", "words", "xxh64")
    assert Shingling(compat="datatrove", hash="sha1", unit="words").hash == "sha1"
    assert Shingling.model_validate(shingling.model_dump()) == shingling


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"compat": "datatrove", "normalize": "raw"}, "compat: datatrove means normalize: datatrove; leave normalize"),
        ({"compat": "datatrove", "unit": "characters"}, "compat: datatrove means unit: words; leave unit out"),
        ({"compat": "datatrove", "hash": "ours"}, "hash: xxh64 or sha1; leave hash out"),
        ({"hash": "sha1"}, "hash: sha1 needs compat: datatrove"),
        ({"unit": "tokens"}, "unit: tokens and tokenizer: PATH go together"),
        ({"tokenizer": Path("tokenizer.json")}, "unit: tokens and tokenizer: PATH go together"),
        ({"width": 0}, "greater than or equal to 1"),
    ],
)
def test_contradictions_are_refused(values: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Shingling.model_validate(values)
