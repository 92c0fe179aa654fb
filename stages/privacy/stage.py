"""Find personal data and secrets in texts; count them, and replace them or drop the document, kind by kind.

One compiled pass (candidates_kernel.py) leaves the stretches that could hold something; the modules beside this
one say what is one. Where finds of two kinds overlap, the first kind of KINDS has it; what is near a find is looked
at again without it, so that a second pass over the replaced text finds nothing. A replacement depends on the
value alone, so equal values become equal and neither order nor batches matter. Cost: about 280 MB/s of prose,
110 MB/s of crawled documentation in many languages, 70 MB/s of technical English full of links and numbers.
"""

from __future__ import annotations

import hashlib
from bisect import bisect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, get_args

from pydantic import Field, field_validator

from stages.base import Filter, Rule

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Kind = Literal["secrets", "emails", "credit_cards", "ip_addresses", "phone_numbers"]
Action = Literal["replace", "tag", "drop"]

KINDS: tuple[Kind, ...] = get_args(Kind)

#: The placeholders for mail, telephone and IP addresses are those of Dolma (Soldaini et al. 2024, section 5.3).
PLACEHOLDERS: dict[Kind, str] = {
    "secrets": "|||SECRET|||",
    "emails": "|||EMAIL_ADDRESS|||",
    "credit_cards": "|||CREDIT_CARD|||",
    "ip_addresses": "|||IP_ADDRESS|||",
    "phone_numbers": "|||PHONE_NUMBER|||",
}


class Find(NamedTuple):
    """Bytes start to end of a text, and the number in KINDS of what they are."""

    kind: int
    start: int
    end: int


#: Start, end and flags of a stretch of text.
Candidate = tuple[int, int, int]

#: Finds that touch each other show one after another; so often a text is looked through at most.
_ROUNDS = 4
#: How many bytes from a find anything could look different without it: a domain has 253 at most.
_REACH = 256


class PrivacyFilter(Filter):
    """Count personal data and secrets in texts; replace them by placeholders, or drop the document."""

    name: ClassVar[str] = "privacy"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("text",)
    measurements: ClassVar[dict[str, str]] = {
        "pii_emails": "e-mail addresses found in the text",
        "pii_ip_addresses": "IP addresses found (versions 4 and 6; public ones unless private_ip_addresses)",
        "pii_phone_numbers": "telephone numbers found: international, North American, or behind a word such as 'tel'",
        "pii_credit_cards": "card numbers found: prefix and length of a network, right check digit",
        "pii_secrets": "keys of known services, tokens, private keys, passwords in URLs, assigned secrets found",
    }
    summed: ClassVar[tuple[str, ...]] = tuple(measurements)

    emails: Action = Field("replace", description="Replace each by a placeholder, tag (only count), or drop.")
    ip_addresses: Action = Field("replace", description="The same for IP addresses.")
    phone_numbers: Action = Field("replace", description="The same for telephone numbers.")
    credit_cards: Action = Field("replace", description="The same for card numbers.")
    secrets: Action = Field("replace", description="The same for keys, tokens and passwords.")
    private_ip_addresses: bool = Field(
        False, description="Also count addresses of private networks and those reserved for documentation."
    )
    max_found: int | None = Field(
        None, ge=0, description="More finds than this, of all kinds together, drop a document (Dolma: 5)."
    )
    replacements: dict[Kind, tuple[str, ...]] = Field(
        {}, description="Other placeholders by kind; of several, a hash of the value chooses one."
    )

    @field_validator("replacements")
    @classmethod
    def _have_one(cls, replacements: dict[Kind, tuple[str, ...]]) -> dict[Kind, tuple[str, ...]]:
        for kind, choices in replacements.items():
            if not choices:
                raise ValueError(f"give one placeholder for {kind} at least")
        return replacements

    def rules(self) -> list[Rule]:
        rules = [Rule(f"pii_{kind}", f"pii_{kind} > 0") for kind in KINDS if getattr(self, kind) == "drop"]
        if self.max_found is not None:
            rules.append(Rule("pii_found", f"{' + '.join(f'pii_{kind}' for kind in KINDS)} > {self.max_found}"))
        return rules

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Add the counts (int64) and replace in `text`; needs `text`, null counts as empty."""
        import numpy as np
        import pyarrow as pa

        from stages.frames import needed_column, with_column
        from stages.text_edits import Edit, with_edits

        texts = needed_column(batch, self.name, "text", "put extract_text before it")
        counts = np.zeros((len(KINDS), batch.num_rows), dtype=np.int64)
        replaced = [getattr(self, kind) == "replace" for kind in KINDS]
        edits = []
        for row, text, finds in self._found(texts):
            for kind, start, end in finds:
                counts[kind, row] += 1
                if replaced[kind]:
                    edits.append(Edit(row, start, end, self._placeholder(KINDS[kind], text[start:end])))
        if edits:
            batch = with_column(batch, "text", with_edits(texts, edits))
        for name in self.measurements:
            kind = KINDS.index(name.removeprefix("pii_"))
            batch = with_column(batch, name, pa.array(counts[kind]))
        return batch

    def _found(self, texts: pa.Array) -> Iterator[tuple[int, bytes, list[Find]]]:
        """Row, bytes and finds of every text in which something could be."""
        import numpy as np

        from stages.text_buffers import text_buffers

        data, offsets = text_buffers(texts)
        starts, ends, flags = _candidates(data, offsets)
        rows = np.searchsorted(offsets, starts, side="right") - 1
        bounds = np.flatnonzero(np.diff(rows, prepend=-1, append=-1))
        for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            row = int(rows[first])
            begin = int(offsets[row])
            text = data[begin : offsets[row + 1]].tobytes()
            spans = ((starts[first:last] - begin).tolist(), (ends[first:last] - begin).tolist())
            finds = self._all_finds(text, list(zip(*spans, flags[first:last].tolist(), strict=True)))
            if finds:
                yield row, text, finds

    def _all_finds(self, text: bytes, candidates: list[Candidate]) -> list[Find]:
        """The finds in order: also those that are seen only when what stands beside them is taken out."""
        finds: list[Find] = []
        for _ in range(_ROUNDS):
            found = _apart(self._finds(text, candidates))
            if not found:
                break
            finds += found
            text = _blanked(text, found)
            candidates = _near(candidates, found)
        return sorted(finds, key=lambda find: find.start)

    def _finds(self, text: bytes, candidates: Iterable[Candidate]) -> Iterator[Find]:
        from stages.privacy import candidates_kernel as holds
        from stages.privacy.credit_cards import find_credit_cards
        from stages.privacy.emails import find_emails
        from stages.privacy.ip_addresses import find_ip_addresses
        from stages.privacy.phone_numbers import find_phone_numbers
        from stages.privacy.secrets import find_key_blocks, find_tokens, find_url_passwords

        secret, email, card, address, phone = range(len(KINDS))
        public_only = not self.private_ip_addresses
        for start, end, flags in candidates:
            if flags & holds.AT:
                yield from (Find(email, *span) for span in find_emails(text, start, end))
                yield from (Find(secret, *span) for span in find_url_passwords(text, start, end))
            if flags & holds.CARD:
                yield from (Find(card, *span) for span in find_credit_cards(text, start, end))
            if flags & holds.NUMBER:
                yield from (Find(phone, *span) for span in find_phone_numbers(text, start, end))
            if flags & holds.DOTTED:
                yield from (Find(address, *span) for span in find_ip_addresses(text, start, end, False, public_only))
            if flags & holds.COLONS:
                yield from (Find(address, *span) for span in find_ip_addresses(text, start, end, True, public_only))
            if flags & holds.TOKEN:
                yield from (Find(secret, *span) for span in find_tokens(text, start, end))
            if flags & holds.KEY_BLOCK:
                yield from (Find(secret, *span) for span in find_key_blocks(text, start, end))

    def _placeholder(self, kind: Kind, value: bytes) -> bytes:
        choices = self.replacements.get(kind, (PLACEHOLDERS[kind],))
        digest = hashlib.blake2b(value.lower(), digest_size=8).digest() if len(choices) > 1 else b""
        return choices[int.from_bytes(digest, "little") % len(choices)].encode()


def _candidates(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, ends and flags of the candidates, in order of their texts."""
    import numpy as np

    from stages.privacy.candidates_kernel import BYTES_A_CANDIDATE, byte_table, find_candidates

    room = int(offsets[-1] - offsets[0]) // BYTES_A_CANDIDATE + 2 * len(offsets)
    starts, ends, flags = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.uint8)
    count = find_candidates(data, offsets, byte_table(), starts, ends, flags)
    return starts[:count], ends[:count], flags[:count]


def _apart(finds: Iterable[Find]) -> list[Find]:
    """The finds in order, none overlapping: of two that do the kind that comes first stays, else the earlier."""
    kept: list[Find] = []
    starts: list[int] = []
    for find in sorted(finds, key=lambda find: (find.kind, find.start, -find.end)):
        place = bisect(starts, find.start)
        clear = (not place or kept[place - 1].end <= find.start) and (place == len(kept) or find.end <= starts[place])
        if clear:
            kept.insert(place, find)
            starts.insert(place, find.start)
    return kept


def _blanked(text: bytes, finds: Iterable[Find]) -> bytes:
    """The text with bars for what was found: as at the edges of placeholders, and nothing to any expression."""
    changed = bytearray(text)
    for find in finds:
        changed[find.start : find.end] = b"|" * (find.end - find.start)
    return bytes(changed)


def _near(candidates: Iterable[Candidate], finds: list[Find]) -> list[Candidate]:
    """The candidates that one of the finds, in order, touches or almost touches."""
    ends = [find.end for find in finds]
    kept = []
    for candidate in candidates:
        place = bisect(ends, candidate[0] - _REACH)
        if place < len(finds) and finds[place].start <= candidate[1] + _REACH:
            kept.append(candidate)
    return kept
