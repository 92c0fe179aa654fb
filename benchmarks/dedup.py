"""Near-deduplication from documents to documents on one core: ours, datatrove, datasketch, rensa, gaoya.

    python -m benchmarks.near_duplicates --in ../shared/data/text --documents 100000 --out corpus
    python -m benchmarks.dedup --in corpus [--peer rensa=100000 ...] [--recipe minhash] [--runs 3] [--json]

Every peer stands against ours in turns, over the first so many documents of the corpus (those that it finishes in a
minute or two), as plain JSON Lines. Counted are CPU seconds of one thread from the first byte read to the last one
written, after imports and compilation: with ours those of a whole run with executor `inline`, from the planning to the
published documents, with all its checksums and records, after one that is not counted: a virtual machine that lay
idle while a peer worked for minutes is lent its memory anew, which has taken up to a third of ours. Peers
(benchmarks/dedup_peers.py) use 14 bands of 8 rows, ours what the recipe says. They run under the peers' interpreter
(`make peers`).

The second table says of how many planted pairs, alone in their cluster, each side removed one, by their true Jaccard
similarity, and how many documents it removed to which no other is as similar as 0.8.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.paired import compare, peers_python, show
from benchmarks.planted import EDGES, Planted, as_kept
from benchmarks.texts import read_lines

PEERS = {"rensa": 100_000, "gaoya": 100_000, "datasketch": 20_000, "datatrove": 10_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in", dest="corpus", type=Path, required=True, help="made by benchmarks.near_duplicates")
    parser.add_argument("--peer", action="append", help="NAME=DOCUMENTS; all of them by default")
    parser.add_argument("--recipe", default="minhash", help="name or file of ours")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.recipe, options.corpus, options.measure)))
        return
    python = peers_python()
    if python is None:
        parser.error("`make peers` builds the peers' environment")
    chosen = (peer.split("=") for peer in options.peer or [])
    peers = {name: int(documents) for name, documents in chosen} or PEERS
    reports = []
    for peer, documents in peers.items():
        with tempfile.TemporaryDirectory() as folder:
            report = against(peer, documents, python, options, Path(folder))
        reports.append(report)
        if not options.json:
            show(report, as_json=False)
            show_found(report["found"])
    if options.json:
        print(json.dumps(reports, indent=1))


def against(peer: str, documents: int, python: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Ours and one peer in turns over so many documents, and what each did to the planted pairs."""
    path = folder / "documents.jsonl"
    with path.open("wb") as file:
        file.writelines(first_lines(options.corpus, documents))
    run, kept = folder / "run", folder / "kept.jsonl"
    this = [sys.executable, "-m", "benchmarks.dedup", "--recipe", options.recipe]
    ours = [*this, "--in", str(path), "--measure", str(run)]
    theirs = [python, "-m", "benchmarks.dedup_peers", "--side", peer, "--in", str(path), "--out", str(kept)]
    report = compare("near-deduplication", ours, {peer: theirs}, options.runs)
    planted = Planted.load(options.corpus, documents)
    sides = {"ours": ids_of_run(run), peer: (json.loads(line)["id"] for line in read_lines(kept))}
    report["found"] = {}
    for side, ids in sides.items():
        stays = as_kept(ids, documents)
        counts = {"removed": int((~stays).sum()), "removed_without_twin": planted.without_twin(stays)}
        report["found"][side] = {"pairs": planted.found(stays), **counts}
    return report


def first_lines(corpus: Path, documents: int) -> Iterator[bytes]:
    """The lines of the first documents of a corpus."""
    lines = (line for file in sorted(corpus.glob("*.jsonl.zst")) for line in read_lines(file))
    return islice(lines, documents)


def measure(recipe: str, path: Path, out: Path) -> dict[str, float]:
    """Run our recipe on a file; what `compare` asks for."""
    import pyarrow as pa

    from inspector.run_report import run_report
    from pipeline import Recipe, run

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    with tempfile.TemporaryDirectory() as folder:
        run(Recipe.load(recipe), [path], Path(folder) / "run", executor="inline", quiet=True)
    shutil.rmtree(out, ignore_errors=True)
    started = time.process_time()
    run(Recipe.load(recipe), [path], out, executor="inline", quiet=True)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    with path.open("rb") as file:
        size = sum(len(json.loads(line)["text"].encode()) for line in file)
    documents = run_report(out)["totals"]["read"]
    return {"documents": documents, "bytes": size, "seconds": seconds, "peak_mb": peak / 1e6}


def ids_of_run(run: Path) -> Iterator[str]:
    """The ids of the documents that a run published."""
    import pyarrow.parquet as pq

    for file in sorted((run / "documents").glob("*.parquet")):
        yield from pq.read_table(file, columns=["id"])["id"].to_pylist()


def show_found(found: dict[str, dict[str, Any]]) -> None:
    """Print the share of planted pairs of which a document was removed, by similarity."""
    print(f"  {'true Jaccard':<14}{'pairs':>8}" + "".join(f"{side:>12}" for side in found))
    for index, low in enumerate(EDGES[:-1]):
        pairs = [side["pairs"][index] for side in found.values()]
        shares = "".join(f"{hits / max(count, 1):>12.1%}" for count, hits in pairs)
        print(f"  from {low:<9.2f}{pairs[0][0]:>8,}{shares}")
    for name in ("removed", "removed_without_twin"):
        print(f"  {name.replace('_', ' '):<22}" + "".join(f"{side[name]:>12,}" for side in found.values()))


if __name__ == "__main__":
    main()
