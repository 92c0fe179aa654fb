"""A labelled set for finding personal data: sentences with values of each kind, and with what only looks like them.

Everything is drawn from a seed. Values follow the public definitions (RFC 5322, IANA's registries, E.164, ISO/IEC
7812, the services' own documentation); the look-alikes are what crawled text is full of.
"""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable
from typing import NamedTuple

LETTERS, DIGITS = string.ascii_letters, string.digits
ALPHANUMERIC = LETTERS + DIGITS
NAMES = ["anna", "j.smith", "o'brien", "maria-jose", "li_wei", "x", "kim2004", "R.Patel", "first.middle.last", "a.b"]
DOMAINS = ["gmail.com", "mail.uni-bonn.de", "example.co.uk", "bücher.de", "a-b.io", "x.museum", "CORP.NET", "yandex.ru"]


class Sentence(NamedTuple):
    """A text, and the (kind, value) pairs in it in their order."""

    text: str
    values: list[tuple[str, str]]


def labelled_set(seed: int, each: int) -> list[Sentence]:
    """`each` sentences a kind with values, as many with look-alikes, and some with several kinds, shuffled."""
    chance = random.Random(seed)
    sentences = []
    for kind, (make, frames) in VALUES.items():
        for _ in range(each):
            sentences.append(_sentence(chance, kind, make(chance), chance.choice(frames)))
    for _ in range(each):
        (first, one), (second, other) = (
            (kind, VALUES[kind][0](chance)) for kind in chance.sample(["emails", "ip_addresses", "secrets"], 2)
        )
        sentences.append(Sentence(f"Logged: {one}, then {other}.", [(first, one), (second, other)]))
    for _ in range(each * len(VALUES)):
        sentences.append(Sentence(chance.choice(LOOK_ALIKES)(chance), []))
    chance.shuffle(sentences)
    return sentences


def _sentence(chance: random.Random, kind: str, value: str, frame: str) -> Sentence:
    before = chance.choice(["", "We met on 2024-03-05.\n", "Größe: 12 × 30 cm. ", "In 1998, 4,500 people came. "])
    return Sentence(before + frame.format(value), [(kind, value)])


def pick(chance: random.Random, alphabet: str, size: int) -> str:
    return "".join(chance.choice(alphabet) for _ in range(size))


# ------------------------------------------------------------------------------------------------ values


def email(chance: random.Random) -> str:
    return f"{chance.choice(NAMES)}{chance.choice(['', '', '+news', '99'])}@{chance.choice(DOMAINS)}"


def public_address(chance: random.Random) -> str:
    if chance.random() < 0.3:
        groups = [f"{chance.randrange(1, 0xFFFF):x}" for _ in range(6)]
        form = chance.choice(["2a02:{}:{}:{}:{}:{}:{}:1", "2606:{}::{}", "2404:{}:{}:{}::{}:8"])
        return form.format(*groups)
    first = chance.choice([5, 8, 23, 46, 62, 81, 93, 104, 134, 151, 185, 212, 217])
    return f"{first}." + ".".join(str(chance.randrange(256)) for _ in range(3))


def phone(chance: random.Random) -> str:
    d = [pick(chance, DIGITS, 1) for _ in range(12)]
    area = f"{chance.randrange(2, 10)}{d[0]}{d[1]}"
    forms = [
        f"+1 {area} {chance.randrange(200, 999)} {''.join(d[2:6])}",
        f"+1-{area}-{chance.randrange(200, 999)}-{''.join(d[2:6])}",
        f"({area}) {chance.randrange(200, 999)}-{''.join(d[2:6])}",
        f"{area}-{chance.randrange(200, 999)}-{''.join(d[2:6])}",
        f"{area}.{chance.randrange(200, 999)}.{''.join(d[2:6])}",
        f"+44 20 {''.join(d[:4])} {''.join(d[4:8])}",
        f"+49 (0)30 {''.join(d[:7])}",
        f"+33 1 {d[0]}{d[1]} {d[2]}{d[3]} {d[4]}{d[5]} {d[6]}{d[7]}",
        f"+91-98{''.join(d[:8])}",
        f"+86138{''.join(d[:8])}",
        f"+7 (495) {''.join(d[:3])}-{d[3]}{d[4]}-{d[5]}{d[6]}",
    ]
    return chance.choice(forms)


def phone_behind_a_word(chance: random.Random) -> str:
    d = pick(chance, DIGITS, 8)
    return chance.choice(
        [f"030 {d[:7]}", f"0{d[0]} {d[1:3]} {d[3:5]} {d[5:7]} 12", f"555-{d[:4]}", f"283182{d[:4]}", f"0171/{d}"]
    )


def card(chance: random.Random) -> str:
    prefix, size = chance.choice([("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16), ("3528", 16)])
    digits = prefix + pick(chance, DIGITS, size - len(prefix) - 1)
    digits += next(check for check in DIGITS if passes_luhn(digits + check))
    if size == 15:
        return chance.choice([digits, f"{digits[:4]} {digits[4:10]} {digits[10:]}"])
    gap = chance.choice(["", " ", "-"])
    return gap.join(digits[start : start + 4] for start in range(0, 16, 4))


def passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def secret(chance: random.Random) -> str:
    url_safe = ALPHANUMERIC + "-_"
    hexadecimal = "0123456789abcdef"
    return chance.choice(
        [
            lambda: "AKIA" + pick(chance, string.ascii_uppercase + "234567", 16),
            lambda: "ghp_" + pick(chance, ALPHANUMERIC, 36),
            lambda: f"github_pat_{pick(chance, ALPHANUMERIC, 22)}_{pick(chance, ALPHANUMERIC, 59)}",
            lambda: "glpat-" + pick(chance, ALPHANUMERIC, 20),
            lambda: f"xoxb-{pick(chance, DIGITS, 12)}-{pick(chance, DIGITS, 12)}-{pick(chance, ALPHANUMERIC, 24)}",
            lambda: "sk_live_" + pick(chance, ALPHANUMERIC, 24),
            lambda: "AIza" + pick(chance, ALPHANUMERIC, 35),
            lambda: "hf_" + pick(chance, LETTERS, 34),
            lambda: "npm_" + pick(chance, ALPHANUMERIC, 36),
            lambda: f"SG.{pick(chance, ALPHANUMERIC, 22)}.{pick(chance, ALPHANUMERIC, 43)}",
            lambda: "dop_v1_" + pick(chance, hexadecimal, 64),
            lambda: f"eyJhbGciOiJIUzI1NiJ9.eyJ{pick(chance, url_safe, 40)}.{pick(chance, ALPHANUMERIC, 43)}",
        ]
    )()


def assigned_secret(chance: random.Random) -> str:
    return pick(chance, ALPHANUMERIC, chance.randrange(20, 41)) + "7k"


VALUES = {
    "emails": (
        email,
        ["Write to {} today.", "<{}>", "mailto:{}", "Contact: {}.", "({})", '"{}"', "e-mail:{}, thanks", "To={}&x=1"],
    ),
    "ip_addresses": (
        public_address,
        ["The host {} did not answer.", "from {}:", "[{}]", "({})", "ip={}", "Blocked {}.", "ping {} -c 3"],
    ),
    "phone_numbers": (phone, ["Our office: {}.", "({})", "{}", "Reach us at {}, any time", "T {} | F none", "<{}>"]),
    "phone_numbers behind a word": (
        phone_behind_a_word,
        ["Tel.: {}", "phone {}", "Please call us at {}.", "Fax: {}\n", "Mobile number is {}", "Contact me at {}."],
    ),
    "credit_cards": (card, ["Card {} was refused.", "cc: {}", "({})", "Pay with {}, exp 12/27", "{}\n"]),
    "secrets": (secret, ["export KEY={}", "Authorization: Bearer {}", "key '{}' leaked", "`{}`", "{}\n", "t: {},"]),
    "secrets that are assigned": (
        assigned_secret,
        ['api_key = "{}"', "SECRET_KEY='{}'", "password: {}", '"access_token": "{}",', "client_secret={}"],
    ),
}

# --------------------------------------------------------------------------------------------- look-alikes


def _private_address(chance: random.Random) -> str:
    start = chance.choice(["10.{}.{}.{}", "192.168.{}.{}", "172.16.{}.{}", "127.0.0.1", "192.0.2.{}", "169.254.{}.{}"])
    return start.format(*(chance.randrange(1, 255) for _ in range(3)))


def _version(chance: random.Random) -> str:
    return ".".join(str(chance.randrange(20)) for _ in range(4))


def _isbn(chance: random.Random) -> str:
    d = pick(chance, DIGITS, 10)
    return chance.choice([f"ISBN 978-0-{d[:3]}-{d[3:8]}-{d[8]}", f"ISBN-13: 978{d}", f"ISBN 0-{d[:3]}-{d[3:8]}-X"])


def _not_a_card(chance: random.Random) -> str:
    while True:
        digits = "4" + pick(chance, DIGITS, 15)
        if not passes_luhn(digits):
            return digits


LOOK_ALIKES: list[Callable[[random.Random], str]] = [
    lambda c: f"Upgrade to version {_version(c)} now.",
    lambda c: f"v{_version(c)} fixes this; {_version(c)} does not.",
    lambda c: f"Mozilla/5.0 Chrome/{c.randrange(60, 130)}.0.{c.randrange(4000, 6000)}.{c.randrange(200)} Safari/537.36",
    lambda c: f"See section {_version(c)} and § {_version(c)}.",
    lambda c: f"The router is {_private_address(c)}, the server {_private_address(c)}:8080.",
    lambda c: "Listen on ::1, fe80::1%eth0, fd12:3456:789a::1 or 2001:db8::42.",
    lambda c: f"On {c.randrange(1, 29)}.{c.randrange(1, 13)}.{c.randrange(1900, 2030)} at 12:30:45 it rained.",
    lambda c: f"2023-{c.randrange(10, 13)}-{c.randrange(10, 29)}T12:{c.randrange(10, 60)}:09+01:00 INFO started",
    lambda c: f"{_isbn(c)}, {c.randrange(100, 900)} pages",
    lambda c: f"commit {pick(c, '0123456789abcdef', 40)}",
    lambda c: f"sha256:{pick(c, '0123456789abcdef', 64)}",
    lambda c: f"id {uuid.UUID(int=c.getrandbits(128))} was given",
    lambda c: f"{c.uniform(-90, 90):.6f}, {c.uniform(-180, 180):+.6f}",
    lambda c: f"lat={c.uniform(0, 90):+.8f} lon={c.uniform(0, 180):+.8f}",
    lambda c: f"data:image/png;base64,iVBORw0KGgo{pick(c, ALPHANUMERIC + '+/', 200)}==",
    lambda c: f"Order {pick(c, DIGITS, 10)} shipped, tracking {_not_a_card(c)}.",
    lambda c: f"Unix time {c.randrange(1_500_000_000, 1_800_000_000)} and {c.randrange(10**12, 10**13)} ns",
    lambda c: "lodash@4.17.21 and react@18.2.0; docker pull node@sha256:abc; @app.route; user@host; icon@2x.png",
    lambda c: "git clone git@github.com:user/repository.git",
    lambda c: "std::vector<int> a::b::c; x = y::z; 10::20; `3000::`",
    lambda c: "\t".join(str(c.randrange(1000, 999999)) for _ in range(8)),
    lambda c: " ".join(str(c.randrange(100, 1000)) for _ in range(9)),
    lambda c: f"The bill was ${c.randrange(10**6):,}.{c.randrange(10, 99)}, the sum {c.randrange(10**9):,}.",
    lambda c: f"pi is 3.14159265358979, +2.718281828 and {c.random()}",
    lambda c: 'password = os.environ["DATABASE_PASSWORD_2"]; token = get_token_from_request(r1)',
    lambda c: "api_key: your-api-key-goes-here-123; secret_key = 'xxxxxxxxxxxxxxxx1'; token: <TOKEN_0123456789>",
    lambda c: "api_key_1 = config.settings.api_key_2_for_everyone",
    lambda c: f"The tokens: {c.randrange(10**6)} of them; the secret: nobody has read all 12 volumes.",
    lambda c: "AKIAIOSFODNN7EXAMPLE is the example of Amazon's pages",
    lambda c: f"RFC {c.randrange(1000, 9999)}, p. {c.randrange(100)}-{c.randrange(100, 200)} (1998).",
    lambda c: "postgres://user:password@localhost:5432/db",
    lambda c: f"x = {pick(c, '123456789', 3)}-{pick(c, DIGITS, 2)}-{pick(c, DIGITS, 4)} + 283 * 182 - 3829",
]
