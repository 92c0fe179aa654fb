"""The peers' side of benchmarks/dedup.py: JSON Lines of documents in, JSON Lines of those that are kept out.

    .venv-peers/bin/python -m benchmarks.dedup_peers --side rensa --in documents.jsonl --out kept.jsonl

Each keeps a document unless its index finds one that was kept before, at the bands and rows that it is told:

datatrove   its four stages with one task for the documents, called one after another without its executor
datasketch  MinHash of word 5-grams that Python makes; MinHashLSH asked, then told
rensa       RMinHashDeduplicator with bands, given the word 5-grams that Python makes; verified by its sketches
gaoya       MinHashStringIndex with its own shingler in Rust, verified by its signatures; asked, then told

Lines are parsed by orjson and written as they were read, except by datatrove, which has a reader and a writer.
Prints documents, bytes of text, CPU seconds from the first byte read to the last one written, and peak memory.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

WORDS = 5
THRESHOLD = 0.8
_AT_ONCE = 1000
#: Twice as quick as translating category P* away, and the same but for symbols and underscores.
_PUNCTUATION = re.compile(r"[^\w\s]+")

#: From texts to whether each is kept.
Judge = Callable[[Sequence[str]], Sequence[bool]]


def main() -> None:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(prog="benchmarks.dedup_peers")
    parser.add_argument("--side", choices=["datatrove", *JUDGES], required=True)
    parser.add_argument("--in", dest="path", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bands", type=int, default=14)
    parser.add_argument("--rows", type=int, default=8)
    options = parser.parse_args()
    if options.side == "datatrove":
        seconds = datatrove(options.path, options.out, options.bands, options.rows)
    else:
        seconds = judged(options.path, options.out, JUDGES[options.side](options.bands, options.rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    documents, size = _documents_and_bytes(options.path)
    print(json.dumps({"documents": documents, "bytes": size, "seconds": seconds, "peak_mb": peak / 1e6}))


def judged(path: Path, out: Path, judge: Judge) -> float:
    """Seconds that it takes to write the lines that are kept, some at a time."""
    import orjson

    started = time.process_time()
    with path.open("rb") as read, out.open("wb") as written:
        while lines := list(islice(read, _AT_ONCE)):
            kept = judge([orjson.loads(line)["text"] for line in lines])
            written.writelines(line for line, keep in zip(lines, kept, strict=True) if keep)
    return time.process_time() - started


def shingles(text: str) -> list[str]:
    """Word 5-grams of a lower-cased text without punctuation; a shorter text is one as a whole."""
    words = _PUNCTUATION.sub("", text.lower()).split()
    if len(words) < WORDS:
        return [" ".join(words)]
    return list(map(" ".join, zip(*(words[start:] for start in range(WORDS)), strict=False)))


def rensa(bands: int, rows: int) -> Judge:
    from rensa import RMinHashDeduplicator

    index = RMinHashDeduplicator(threshold=THRESHOLD, num_perm=bands * rows, use_lsh=True, num_bands=bands)
    number = iter(range(sys.maxsize))
    return lambda texts: index.add_pairs([(str(next(number)), shingles(text)) for text in texts])


def gaoya(bands: int, rows: int) -> Judge:
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(64, THRESHOLD, bands, rows, None, "word", True, (WORDS, WORDS), "smallvec")
    number = iter(range(sys.maxsize))

    def keeps(text: str) -> bool:
        if index.query(text):
            return False
        index.insert_document(next(number), text)
        return True

    return lambda texts: [keeps(text) for text in texts]


def datasketch(bands: int, rows: int) -> Judge:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=bands * rows, params=(bands, rows))
    number = iter(range(sys.maxsize))

    def keeps(minhash: Any) -> bool:
        if index.query(minhash):
            return False
        index.insert(next(number), minhash, check_duplication=False)
        return True

    def judge(texts: Sequence[str]) -> list[bool]:
        sets = ([shingle.encode() for shingle in shingles(text)] for text in texts)
        return [keeps(minhash) for minhash in MinHash.generator(sets, num_perm=bands * rows)]

    return judge


def datatrove(path: Path, out: Path, bands: int, rows: int) -> float:
    """Seconds of the four stages."""
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    config = MinhashConfig(n_grams=WORDS, num_buckets=bands, hashes_per_bucket=rows)
    with tempfile.TemporaryDirectory() as folder:
        signatures, pairs, removals = (f"{folder}/{name}" for name in ("signatures", "pairs", "removals"))
        sign = MinhashDedupSignature(signatures, config)
        sign.get_shingles("A text that loads the splitter of words.")

        def read() -> Iterator[Any]:
            return JsonlReader(str(path.parent), glob_pattern=path.name).run(rank=0, world_size=1)

        started = time.process_time()
        sign.run(read(), rank=0, world_size=1)
        for band in range(bands):
            MinhashDedupBuckets(signatures, pairs, config=config).run(rank=band, world_size=bands)
        MinhashDedupCluster(pairs, removals, config=config).run(None, 0, 1)
        kept = MinhashDedupFilter(removals).run(read(), rank=0, world_size=1)
        with JsonlWriter(str(out.parent), output_filename=out.name, compression=None) as writer:
            for document in kept:
                writer.write(document, rank=0)
        return time.process_time() - started


def _documents_and_bytes(path: Path) -> tuple[int, int]:
    documents = size = 0
    with path.open("rb") as file:
        for line in file:
            documents += 1
            size += len(json.loads(line)["text"].encode())
    return documents, size


JUDGES: dict[str, Callable[[int, int], Judge]] = {"rensa": rensa, "gaoya": gaoya, "datasketch": datasketch}

if __name__ == "__main__":
    main()
