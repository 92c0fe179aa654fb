"""Makes a corpus with near-duplicates of known similarity: JSON Lines of up to millions of documents, and the truth.

    python -m benchmarks.near_duplicates --in ../shared/data/text --in ../shared/data/wet --out corpus
        [--documents 1000000] [--boilerplate 0.1] [--check 1000]

The texts are cut into fragments of 20 words; those that mostly repeat earlier ones (copies, navigation, licences) are
left out. An original is a random number of fragments drawn at random: 25 on average, which is 3 kB, log-normal. Two
originals share a fragment only by chance, and the shortest have eight, so their Jaccard similarity (of sets of word
5-grams, as stages/minhash compares) is 0 as a rule and below 0.2 with one fragment shared; `--check` compares all
pairs of a sample.

A fifth of the documents are variants. Each takes after a document drawn from all before it and is an edit of that
one's original, so that clusters grow as in Simon's model ("On a class of skew distribution functions", 1955): most
have two members, a few have dozens. Edits aim at Jaccard similarities from 0.5 to 1: words are replaced all over, or
the end is cut off, or only what normalisation undoes is changed. What they came to is computed: `truth.parquet` has
`id_a`, `id_b` and `jaccard` of all pairs of a cluster.

With `--boilerplate` that share of the originals ends with one and the same 600 words. Their own text has at least half
as many, so two of them have a Jaccard similarity of about 0.5 at most, 0.45 as a rule; their variants have it too.

Document n is a function of the seed, the shares and n alone, so the first files of a larger corpus are the smaller one.
Cost on one core: about 100 us a document. Memory: the fragments, and 16 bytes a variant.
"""

from __future__ import annotations

import argparse
import json
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from benchmarks.texts import read_texts
from stages.minhash.shingle_sets import jaccard, shingle_sets

FRAGMENT_WORDS = 20
#: In fragments: an original's length, the shortest, and the text that many share.
MEAN, SPREAD, SHORTEST, BOILERPLATE = 25, 0.6, 8, 30
TARGETS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
DOCUMENTS_A_FILE = 25_000
#: A fragment stays when this share of its shingles is new.
_NEW = 0.8
#: Longer fragments are tables or text without blanks.
_LONGEST = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="inputs", type=Path, action="append", required=True, help="texts; may be repeated")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--duplicates", type=float, default=0.2, help="share of the documents that are variants")
    parser.add_argument("--boilerplate", type=float, default=0.0, help="share of the originals that end alike")
    parser.add_argument("--check", type=int, default=1000, help="compare all pairs of so many documents")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.perf_counter()
    fragments = cut_fragments(text for path in options.inputs for text in read_texts(path))
    print(f"{len(fragments):,} fragments in {time.perf_counter() - started:.0f} s")
    corpus = Corpus(fragments, options.duplicates, options.boilerplate, options.seed)
    options.out.mkdir(parents=True)
    size, variants = write_documents(corpus, options.documents, options.out)
    print(f"{options.documents:,} documents, {size / 1e6:,.0f} MB of text, {len(variants):,} variants")
    print_truth(write_truth(corpus, variants, options.out / "truth.parquet"))
    print_check(corpus, min(options.check, options.documents), options.documents)
    print(f"{time.perf_counter() - started:.0f} s")


def cut_fragments(texts: Iterable[str]) -> list[str]:
    """Runs of words of all texts, less those that mostly repeat earlier ones."""
    fragments = []
    for text in texts:
        words = text.split(" ")
        for start in range(0, len(words) - FRAGMENT_WORDS + 1, FRAGMENT_WORDS):
            fragment = " ".join(words[start : start + FRAGMENT_WORDS])
            if len(fragment) <= _LONGEST and len(fragment.split()) >= FRAGMENT_WORDS:
                fragments.append(fragment)
    sets = shingle_sets(pa.array(fragments, pa.large_string()))
    is_new = np.zeros(len(sets.values), dtype=np.int64)
    is_new[np.unique(sets.values, return_index=True)[1]] = 1
    before = np.concatenate([[0], np.cumsum(is_new)])[sets.offsets]
    kept = np.diff(before) > _NEW * np.diff(sets.offsets)
    return [fragments[index] for index in np.flatnonzero(kept)]


@dataclass(frozen=True)
class Corpus:
    """Documents by number; `text` of any number at any time."""

    fragments: Sequence[str]
    duplicates: float = 0.2
    boilerplate: float = 0.0
    seed: int = 1

    def original(self, number: int) -> int:
        """The document that this one is an edit of; its own number where it is none."""
        chance = self._chance(number)
        while number and chance.random() < self.duplicates:
            number = chance.randrange(number)
            chance = self._chance(number)
        return number

    def text(self, number: int) -> str:
        original = self.original(number)
        text = self._original_text(original)
        return text if number == original else self._edited(text, Random(f"edit {self.seed} {number}"))

    def ends_alike(self, number: int) -> bool:
        """Whether the document's original ends with the boilerplate."""
        return self._content(self.original(number)).random() < self.boilerplate

    def _chance(self, number: int) -> Random:
        return Random((self.seed << 40) + number)

    def _content(self, original: int) -> Random:
        return Random((1 << 80) + (self.seed << 40) + original)

    def _original_text(self, original: int) -> str:
        chance = self._content(original)
        ends_alike = chance.random() < self.boilerplate
        count = max(round(chance.lognormvariate(np.log(MEAN) - SPREAD**2 / 2, SPREAD)), SHORTEST)
        if ends_alike:
            count = max(count // 2, BOILERPLATE // 2)
        text = " ".join(chance.choices(self.fragments, k=count))
        return f"{text} {self._shared_end}" if ends_alike else text

    @property
    def _shared_end(self) -> str:
        return " ".join(Random(self.seed).choices(self.fragments, k=BOILERPLATE))

    def _edited(self, text: str, chance: Random) -> str:
        target = chance.choice(TARGETS)
        if target == 1:
            return chance.choice((text, text.lower().replace(",", "").replace(" ", "\n")))
        words = text.split()
        if chance.random() < 0.25:
            return " ".join(words[: round(target * len(words))])
        # A shingle stays when none of its five words is replaced, and s of both sides' shingles make s / (2 - s).
        replaced = 1 - (2 * target / (1 + target)) ** (1 / 5)
        for index in range(len(words)):
            if chance.random() < replaced:
                words[index] = chance.choice(self.fragments).split()[0]
        return " ".join(words)


def write_documents(corpus: Corpus, documents: int, out: Path) -> tuple[int, np.ndarray]:
    """Write files of JSON Lines; returns the bytes of text, and (original, number) of all variants."""
    size = 0
    variants = array("q")
    for start in range(0, documents, DOCUMENTS_A_FILE):
        path = out / f"{start // DOCUMENTS_A_FILE:05d}.jsonl.zst"
        with zstandard.open(path, "wb", cctx=zstandard.ZstdCompressor(level=1)) as file:
            for number in range(start, min(start + DOCUMENTS_A_FILE, documents)):
                text = corpus.text(number)
                original = corpus.original(number)
                if original != number:
                    variants.extend((original, number))
                file.write((json.dumps({"id": str(number), "text": text}, ensure_ascii=False) + "\n").encode())
                size += len(text.encode())
    return size, np.asarray(variants).reshape(-1, 2)


def write_truth(corpus: Corpus, variants: np.ndarray, path: Path) -> np.ndarray:
    """Write all pairs of all clusters with their true similarity; returns the similarities."""
    schema = pa.schema([("id_a", pa.string()), ("id_b", pa.string()), ("jaccard", pa.float64())])
    found = [np.empty(0)]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        clusters = _clusters(variants)
        while some := list(islice(clusters, 2000)):
            members = [number for cluster in some for number in cluster]
            place = {number: index for index, number in enumerate(members)}
            pairs = [pair for cluster in some for pair in combinations(cluster, 2)]
            sets = shingle_sets(pa.array(map(corpus.text, members), pa.large_string()))
            similarity = jaccard(sets, [place[a] for a, _ in pairs], [place[b] for _, b in pairs])
            ids = [[str(pair[side]) for pair in pairs] for side in (0, 1)]
            writer.write_table(pa.table([*ids, similarity], schema=schema))
            found.append(similarity)
    return np.concatenate(found)


def _clusters(variants: np.ndarray) -> Iterator[list[int]]:
    """Originals with their variants, ascending."""
    variants = variants[np.argsort(variants[:, 0], kind="stable")]
    starts = np.flatnonzero(np.diff(variants[:, 0], prepend=-1))
    for group in np.split(variants, starts[1:]) if len(variants) else []:
        yield [int(group[0, 0]), *group[:, 1].tolist()]


def print_truth(similarities: np.ndarray) -> None:
    print(f"{len(similarities):,} pairs within clusters, by true Jaccard:")
    counts, edges = np.histogram(similarities, bins=[0, *np.linspace(0.5, 1, 11)[:-1], 1, 1.1])
    for count, low in zip(counts, edges, strict=False):
        print(f"  from {low:4.2f} {count:9,}")


def print_check(corpus: Corpus, sample: int, documents: int) -> None:
    """Compare all pairs of a sample and say what those come to that are of different originals."""
    if sample < 2:
        return
    numbers = Random(corpus.seed).sample(range(documents), sample)
    sets = shingle_sets(pa.array(map(corpus.text, numbers), pa.large_string()))
    left, right = np.triu_indices(sample, 1)
    original = np.array(list(map(corpus.original, numbers)))
    alike = np.array(list(map(corpus.ends_alike, numbers)))
    similarity = jaccard(sets, left, right)
    unplanted = original[left] != original[right]
    sharing = unplanted & alike[left] & alike[right]
    for name, chosen in (("different originals", unplanted & ~sharing), ("the same end", sharing)):
        values = similarity[chosen]
        if len(values):
            low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
            quantiles = f"5 % below {low:.2f}, half below {middle:.2f}, 95 % below {high:.2f}"
            print(f"{len(values):,} pairs of {name}: {quantiles}, largest {values.max():.3f}")


if __name__ == "__main__":
    main()
