"""Parse JSON that a user wrote, a line or a small file, and say what is wrong with it in a user's terms.

Messages are ends of sentences ("is not JSON: ..."): whoever reads the file knows what to begin them with. What nests
deeper than 200 levels is refused without being parsed. Cost: that of Python's json.
"""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any

#: Levels of nesting that are parsed; json needs one of the interpreter's 1,000 stack frames for each.
_DEEPEST = 200
#: Possessive, and matching strings without an end too, so that nothing is gone through twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))


def parse_json(content: bytes) -> Any:
    """The value that JSON in UTF-8 stands for; ValueError says what is wrong."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8: {error.reason} at byte {error.start}") from error
    if _nests_too_deep(content):
        raise ValueError(f"nests deeper than {_DEEPEST} levels")
    try:
        return _loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from error
    except ValueError as error:  # Digits take quadratic time, so Python parses only so many.
        most = sys.get_int_max_str_digits()
        raise ValueError(
            f"holds an integer of more than {most:,} digits, which is not read: write it as a string"
        ) from error


def _nests_too_deep(content: bytes) -> bool:
    if content.count(b"[") + content.count(b"{") <= _DEEPEST:
        return False
    brackets = _STRING.sub(b"", content).translate(None, _NO_BRACKETS)
    return any(depth > _DEEPEST for depth in accumulate(_STEPS[bracket] for bracket in brackets))


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        # How much stack the caller has used must not decide: a new thread has all of it.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(json.loads, text).result()
