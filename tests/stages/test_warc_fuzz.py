"""Files damaged at random: nothing raises, what was not touched is read, and any cut gives the same rows."""

import gzip
import random
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warc_files import frames, http, ids, members, record, rows, splits, write

from stages.base import Split, StageError
from stages.warc.source import WarcSource

PACKERS = {".warc.gz": members, ".warc.zst": frames, ".warc": lambda *contents: b"".join(contents)}


def damaged(parts: list[bytes], chance: random.Random) -> tuple[bytes, set[int]]:
    """The parts with one to four faults, and which of them nothing touched."""
    pieces: list[tuple[int | None, bytes]] = list(enumerate(parts))
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(pieces))
        number, piece = pieces[at]
        fault = chance.choice(["flip", "cut", "garbage", "empty", "zeros", "splice", "swap", "lose"])
        if fault == "flip" and piece:
            spot = chance.randrange(len(piece))
            width = chance.choice([1, 1, 24, 300])
            flipped = bytes(byte ^ chance.randrange(1, 256) for byte in piece[spot : spot + width])
            pieces[at] = (None, piece[:spot] + flipped + piece[spot + width :])
        elif fault == "cut" and piece:
            pieces[at] = (None, piece[: chance.randrange(len(piece))])
        elif fault == "garbage":
            pieces.insert(at, (None, chance.randbytes(chance.choice([1, 3, 500, 70_000]))))
        elif fault == "empty":
            pieces.insert(at, (None, chance.choice([gzip.compress(b""), frames(b"")])))
        elif fault == "zeros":
            pieces.append((None, bytes(chance.choice([1, 512, 10_240]))))
        elif fault == "splice" and piece:
            spot = chance.randrange(len(piece))
            pieces[at] = (None, piece[:spot] + pieces[chance.randrange(len(pieces))][1] + piece[spot:])
        elif fault == "swap":
            other = chance.randrange(len(pieces))
            pieces[at], pieces[other] = pieces[other], (number, piece)
        elif fault == "lose":
            del pieces[at]
            if not pieces:
                pieces = [(None, piece[:7])]
    return b"".join(piece for _, piece in pieces), {number for number, _ in pieces if number is not None}


@pytest.mark.parametrize("suffix", PACKERS)
@given(seed=st.integers(0, 1 << 32), bounds=st.lists(st.floats(0, 1), max_size=6))
@settings(max_examples=60, deadline=None)
def test_damaged_files(suffix, seed, bounds):
    chance = random.Random(seed)
    bodies = [http(b"<p>%d " % n + chance.randbytes(chance.choice([5, 400, 3000])).hex().encode()) for n in range(9)]
    data, untouched = damaged([PACKERS[suffix](record(n, body)) for n, body in enumerate(bodies)], chance)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), data, f"test{suffix}")
        try:
            found = rows(WarcSource(), path)
        except StageError:
            assert not untouched
            return
        places = [(row["offset"], row["ordinal"]) for row in found]
        assert places == sorted(set(places))
        # A length that was hit may take in the records behind it, where no checksum tells.
        assert suffix == ".warc" or untouched <= {n for n, row in zip(ids(found), found, strict=True) if "html" in row}
        (whole,) = splits(WarcSource(), path)
        assert WarcSource().count(whole, path, 1 << 30) == len(found)
        edges = sorted({0, len(data), *(round(bound * len(data)) for bound in bounds)})
        assert rows(WarcSource(), path, [Split(path.name, *edge, 0) for edge in pairwise(edges)]) == found
