"""From text to MinHash signatures (word 5-grams, 112 minima), one thread: ours, datasketch, datatrove.

    python -m benchmarks.minhash --in texts.jsonl.zst [--megabytes 4] [--runs 5] [--json]

The input is JSON Lines with a field `text` (plain, .gz or .zst), cut to the first `--megabytes` of text
because the peers take minutes for more. Measured is the work from texts in memory to signatures, after
start-up, reading and a first call on a few documents; a quick side repeats it for half a second. datasketch
is given the same normalised shingles as ours; datatrove runs its own normalisation and word splitter.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.paired import compare, measure, peers_python, show

WORDS, BANDS, ROWS = 5, 14, 8


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.minhash", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="JSON Lines with `text`")
    parser.add_argument("--megabytes", type=float, default=4.0, help="text to use")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        texts = json.loads(options.path.read_text("utf-8"))
        work = SIDES[options.side](texts)
        measure(work, len(texts), sum(len(text.encode()) for text in texts))
        return
    if not options.path.is_file():
        parser.error(f"--in {options.path}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "texts.json"
        cut.write_text(json.dumps(_first_texts(options.path, options.megabytes * 1e6)), "utf-8")

        def command(python: str, side: str) -> list[str]:
            return [python, "-m", "benchmarks.minhash", "--in", str(cut), "--side", side]

        peers = {"datasketch": command(sys.executable, "datasketch")}
        if python := peers_python():
            peers["datatrove"] = command(python, "datatrove")
        else:
            print("datatrove is left out: `make peers` builds its environment", file=sys.stderr)
        show(compare("minhash", command(sys.executable, "ours"), peers, options.runs), options.json)


def _first_texts(path: Path, size: float) -> list[str]:
    texts: list[str] = []
    for line in _lines(path):
        texts.append(json.loads(line)["text"])
        size -= len(texts[-1].encode())
        if size <= 0:
            break
    return texts


def _lines(path: Path) -> Iterator[bytes]:
    if path.suffix == ".zst":
        import zstandard

        with zstandard.open(path, "rb", dctx=zstandard.ZstdDecompressor(max_window_size=2**27)) as file:
            yield from file.read().splitlines()
    else:
        import gzip

        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file


def _ours(texts: list[str]) -> Callable[[], object]:
    import pyarrow as pa

    from stages.minhash.signatures import band_keys, signatures

    array = pa.array(texts, pa.large_string())

    def work() -> object:
        return band_keys(signatures(array, permutations=BANDS * ROWS).minima, ROWS)

    band_keys(signatures(array[:10], permutations=BANDS * ROWS).minima, ROWS)
    return work


def _datasketch(texts: list[str]) -> Callable[[], object]:
    from datasketch import MinHash

    characters = map(chr, range(sys.maxunicode + 1))
    punctuation = {ord(c): None for c in characters if unicodedata.category(c).startswith("P")}

    def shingles(text: str) -> list[bytes]:
        words = text.lower().translate(punctuation).split()
        count = max(len(words) - WORDS + 1, 1)
        return [" ".join(words[start : start + WORDS]).encode() for start in range(count)]

    def work() -> object:
        return list(MinHash.generator(map(shingles, texts), num_perm=BANDS * ROWS))

    return work


def _datatrove(texts: list[str]) -> Callable[[], object]:
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.hashing import HashConfig

    config = MinhashConfig(
        n_grams=WORDS, num_buckets=BANDS, hashes_per_bucket=ROWS, hash_config=HashConfig(precision=64)
    )
    step = MinhashDedupSignature(output_folder=tempfile.gettempdir(), config=config)
    for text in texts[:3]:
        step.get_shingles(text)

    def work() -> object:
        found = (step.get_shingles(text) for text in texts)
        return [step.get_signature(shingles) for shingles in found if shingles.size]

    return work


SIDES: dict[str, Callable[[list[str]], Callable[[], object]]] = {
    "ours": _ours,
    "datasketch": _datasketch,
    "datatrove": _datatrove,
}

if __name__ == "__main__":
    main()
