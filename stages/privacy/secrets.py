"""Secrets that give access: keys of known services, tokens, private keys, passwords in URLs, and assignments.

A service's key is known by its prefix, alphabet and length, as the services document them. What is assigned to a
name such as `api_key` or `password` counts when it has 16 characters or more, letters and digits, and at least
3 bits of entropy a character; identifiers, calls and placeholders do not. A private key (PEM of RFC 7468, armor
of RFC 9580) is a BEGIN line with key material behind it, however the lines are joined: escaped, quoted, commented.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

_TOKEN = re.compile(
    rb"(?<![A-Za-z0-9_])(?:"
    rb"(?:AKIA|ASIA)[A-Z2-7]{16}"  # Amazon Web Services
    rb"|gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{40,244}"
    rb"|glpat-[A-Za-z0-9_-]{20,64}"
    rb"|xox[abeoprs]-[0-9A-Za-z-]{20,250}"  # Slack
    rb"|(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,247}|whsec_[A-Za-z0-9]{24,64}"  # Stripe
    rb"|sk-(?:[a-z]{1,12}\d{0,3}-){0,4}(?=[A-Za-z_-]{0,200}\d)[A-Za-z0-9_-]{32,200}"  # OpenAI, Anthropic
    rb"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,500}|GOCSPX-[A-Za-z0-9_-]{28}"  # Google
    rb"|hf_[A-Za-z]{30,40}|hf_[A-Za-z0-9]{34}|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50,500}"
    rb"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"  # SendGrid
    rb"|do[opr]_v1_[a-f0-9]{64}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|key-[a-f0-9]{32}|SK[a-f0-9]{32}"
    rb"|eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{16,2000}"  # JSON Web Token
    rb")(?![A-Za-z0-9_])"
)
_ASSIGNED = re.compile(
    rb"(?i:(?:api|access|auth|secret|private|account|client|encryption|signing)[ _.-]?(?:key|token|secret)|secret"
    rb"|token|passw(?:or)?d|pwd|credentials?|authorization)"
    rb"(?i:[ _-]?(?:id|key|value))?[\"']?[ \t]{0,4}(?::=|=>|[:=])[ \t]{0,4}"
    rb"[\"'`]?(?i:(?:bearer|basic|token)[ \t]{1,4})?[\"'`]?"
    rb"(?P<secret>[A-Za-z0-9+/_=.~!@#$%^*-]{16,200}?)(?=[\"'`\s,;&)\]}<]|$)"
)
_IN_URL = re.compile(rb"[a-z][a-z0-9+.-]{1,20}://[^\s:@/\"'<>]{0,64}:(?P<secret>[^\s:@/\"'<>]{3,128})@(?=[\w\[])")
_BASE_64 = rb"[A-Za-z0-9+/=]"
_ESCAPED = rb"\\{1,3}(?:/|u00[0-9A-Fa-f]{2})"
#: What may stand between lines of a key: line ends, escaped or tags too, line numbers, marks of mail, comments, diffs.
_JOINT = (
    rb"(?:[^A-Za-z0-9+/=\\&<-]|\\++[nrt]?+|<(?:/?[A-Za-z]{1,4}[ /]{0,2}>)?+|&(?:#?[A-Za-z0-9]{1,5};)?+"
    rb"|\d{1,4}[ \t.:|]|-(?!----)|[+/]{1,2}(?!" + _BASE_64 + rb"))"
)
_KEY_HEADER = (
    rb"\+?(?:Proc-Type: ?4,ENCRYPTED|DEK-Info: ?[A-Z0-9-]+,[0-9A-F]+"
    rb"|(?:Version|Comment|Hash|Charset):(?:[^\n\\<&]|<(?!br)|&(?!#)){0,200}+)"
)
#: Words of prose have no digits; a line of a key may have none if it is long, or the first of all (DER's "MI", "MH").
_KEY_LINE = (
    rb"(?:(?=[A-Za-z+/=\\]{0,64}\d|M[HI])(?=(?:" + _BASE_64 + rb"|" + _ESCAPED + rb"){16})"
    rb"(?:" + _BASE_64 + rb"++|" + _ESCAPED + rb")++|" + _BASE_64 + rb"{40,}+)"
)
_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:" + _JOINT + rb"{1,64}+" + _KEY_HEADER + rb"){0,8}+"
    rb"(?:" + _JOINT + rb"{0,64}+" + _KEY_LINE + rb")++"
)
_KEY_END = re.compile(rb"(?:[^-]++|-(?!----))*+-{5,6}END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
#: Bytes that a key goes on at most in other than long lines: a short one, or pieces between escapes.
_KEY_REST_BYTES = 4096
_PLACEHOLDER = re.compile(
    rb"(?i:example|your|xxxx|change.?me|placeholder|dummy|sample|1234567|abcdef|<|\{|\.\.\.|\|\|\|)"
)
_CALL_OR_PATH = re.compile(rb"[A-Za-z_][\w.]*\.[A-Za-z_]\w*|[a-z]+(?:[_-][a-z0-9]+)+|/[\w./-]*|[\w.]+@[\w.]+")
_WORDS_FOR_IT = (b"", b"password", b"passwd", b"pass", b"pwd", b"secret", b"token", b"pw")
_CONTEXT_BYTES = 64
_LEAST_ENTROPY = 3.0


def find_tokens(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Byte spans of keys and assigned secrets that end in the chunk text[start:end]."""
    for match in _TOKEN.finditer(text, start, end):
        if not _PLACEHOLDER.search(match.group()):
            yield match.span()
    before = max(0, start - _CONTEXT_BYTES)
    if not _may_be_assigned(text[before:end].lower()):
        return
    line = max(text.rfind(b"\n", before, start) + 1, before)
    for match in _ASSIGNED.finditer(text, line, end):
        if match.end("secret") > start and _looks_random(match["secret"]):
            yield match.span("secret")


def _may_be_assigned(text: bytes) -> bool:
    """Whether a name that _ASSIGNED knows could be there: looking for this first takes a tenth of the time."""
    return (
        b"key" in text
        or b"token" in text
        or b"secret" in text
        or b"pass" in text
        or b"pwd" in text
        or b"credential" in text
        or b"authorization" in text
    )


def find_url_passwords(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Byte spans of the passwords in URLs of the chunk text[start:end]."""
    for match in _IN_URL.finditer(text, start, end):
        if not _PLACEHOLDER.search(match["secret"]) and match["secret"].strip(b"*").lower() not in _WORDS_FOR_IT:
            yield match.span("secret")


def find_key_blocks(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Byte span of the private key whose `-----BEGIN` ends the chunk text[start:end]: to its END, or its last line."""
    key = _KEY.match(text, max(start, end - len(b"-----BEGIN")))
    if key:
        rest = _KEY_END.match(text, key.end(), key.end() + _KEY_REST_BYTES)
        yield key.start(), (rest or key).end()


def _looks_random(value: bytes) -> bool:
    """Whether a value has letters and digits, is no name, path or placeholder, and spreads over many characters."""
    if not (re.search(rb"\d", value) and re.search(rb"[A-Za-z]", value)):
        return False
    if _PLACEHOLDER.search(value) or _CALL_OR_PATH.fullmatch(value):
        return False
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts) >= _LEAST_ENTROPY
