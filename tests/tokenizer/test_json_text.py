"""JSON of users: Python's own value, or what is wrong in a user's terms."""

from __future__ import annotations

import json

import pytest

from tokenizer.json_text import parse_json


@pytest.mark.parametrize(
    "text", ['{"a": [1, -2.5e3, null, true, "é\\u00e9"]}', " 7 ", "NaN", '"[[[\\""', "[" * 200 + "]" * 200, "9" * 4300]
)
def test_values_are_those_of_pythons_json(text: str) -> None:
    assert repr(parse_json(text.encode())) == repr(json.loads(text))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"{", "is not JSON: Expecting property name"),
        (b'{"a": "\xff"}', "is not UTF-8: invalid start byte at byte 7"),
        (b"[" * 201 + b"]" * 201, "nests deeper than 200 levels"),
        (b"[1, -" + b"9" * 4301 + b"]", "holds an integer of more than 4,300 digits, which is not read: write it as a"),
    ],
)
def test_faults_are_ends_of_sentences(content: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}"):
        parse_json(content)
