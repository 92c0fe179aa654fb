"""From text to MinHash signatures (word 5-grams, 112 minima), one thread: ours, datasketch, datatrove, rensa, gaoya.

    python -m benchmarks.minhash --in texts.jsonl.zst [--megabytes 4] [--runs 5] [--compat] [--json]

The input is whatever benchmarks/texts.py reads, cut to the first `--megabytes` of text because the peers take
minutes for more. Measured is the work from Python strings in memory to signatures, after start-up, reading and a
first call on a few documents; a quick side repeats it for half a second. datatrove runs its own normalisation and
word splitter. datasketch and rensa sign what they are given: n-grams made in Python, in the cheapest way there is
(lower case, words between blanks), so that signing and not Python is compared as far as can be. gaoya cuts n-grams
itself (in Rust) and has no call that signs alone: texts go into its index, 14 insertions each.
With `--compat`, ours computes datatrove's own signatures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.paired import compare, measure, peers_python, show

WORDS, BANDS, ROWS = 5, 14, 8


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.minhash", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a corpus that benchmarks/texts.py reads")
    parser.add_argument("--megabytes", type=float, default=4.0, help="text to use")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--compat", action="store_true", help="ours computes datatrove's signatures")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        texts = json.loads(options.path.read_text("utf-8"))
        measure(SIDES[options.side](texts), len(texts), sum(len(text.encode()) for text in texts))
        return
    if not options.path.exists():
        parser.error(f"--in {options.path}: no such file or folder")
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "texts.json"
        cut.write_text(json.dumps(_first_texts(options.path, options.megabytes * 1e6)), "utf-8")

        def command(python: str, side: str) -> list[str]:
            return [python, "-m", "benchmarks.minhash", "--in", str(cut), "--side", side]

        peers = {"datasketch": command(sys.executable, "datasketch")}
        if python := peers_python():
            peers |= {peer: command(python, peer) for peer in ("datatrove", "rensa", "gaoya")}
        else:
            print("datatrove, rensa and gaoya are left out: `make peers` builds their environment", file=sys.stderr)
        ours = command(sys.executable, "ours_compat" if options.compat else "ours")
        show(compare("minhash", ours, peers, options.runs), options.json)


def _first_texts(path: Path, size: float) -> list[str]:
    from benchmarks.texts import first_texts

    return first_texts(path, size)


def _word_grams(text: str) -> list[str]:
    words = text.lower().split()
    return list(map(" ".join, zip(*(words[start:] for start in range(WORDS)), strict=False)))


def _ours(texts: list[str], **shingling: Any) -> Callable[[], object]:
    import pyarrow as pa

    from stages.minhash.shingling import Shingling
    from stages.minhash.signatures import signatures

    def sign(texts: list[str]) -> object:
        return signatures(pa.array(texts, pa.large_string()), Shingling(width=WORDS, **shingling), BANDS * ROWS)

    sign(texts[:10])
    return lambda: sign(texts)


def _ours_compat(texts: list[str]) -> Callable[[], object]:
    return _ours(texts, compat="datatrove")


def _datasketch(texts: list[str]) -> Callable[[], object]:
    from datasketch import MinHash

    def work() -> object:
        grams = ([gram.encode() for gram in _word_grams(text)] for text in texts)
        return list(MinHash.generator(grams, num_perm=BANDS * ROWS))

    return work


def _rensa(texts: list[str]) -> Callable[[], object]:
    from rensa import RMinHash

    return lambda: RMinHash.digest_matrix_from_token_sets(map(_word_grams, texts), BANDS * ROWS, 1)


def _gaoya(texts: list[str]) -> Callable[[], object]:
    from gaoya.minhash import MinHashStringIndex

    def work() -> object:
        index = MinHashStringIndex(
            hash_size=32,
            jaccard_threshold=0.8,
            num_bands=BANDS,
            band_size=ROWS,
            analyzer="word",
            lowercase=True,
            ngram_range=(WORDS, WORDS),
            id_container="vec",
        )
        index.par_bulk_insert_docs(list(range(len(texts))), texts)
        return index

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
    "ours_compat": _ours_compat,
    "datasketch": _datasketch,
    "datatrove": _datatrove,
    "rensa": _rensa,
    "gaoya": _gaoya,
}

if __name__ == "__main__":
    main()
