"""Personal data replaced in texts in memory, one thread: ours and datatrove's PIIFormatter.

    python -m benchmarks.privacy --in texts.jsonl.zst [--megabytes 16] [--runs 5] [--json]

The input (benchmarks/texts.py says of which kinds) is cut to the first `--megabytes` of text. Measured is the work
from texts in memory to texts in memory, after a first call. Ours looks for telephone and card numbers, IPv6 addresses
and secrets besides, and counts; datatrove looks for e-mail and IPv4 addresses.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.paired import compare, measure, peers_python, show

Work = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.privacy", description="Personal data, MB of text a second.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="a file or folder of texts")
    parser.add_argument("--megabytes", type=float, default=16.0, help="text to use")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        texts = json.loads(options.path.read_text("utf-8"))
        measure(SIDES[options.side](texts), len(texts), sum(len(text.encode()) for text in texts))
        return
    if not options.path.exists():
        parser.error(f"--in {options.path}: no such file or folder")
    from benchmarks.texts import first_texts

    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "texts.json"
        cut.write_text(json.dumps(first_texts(options.path, options.megabytes * 1e6)), "utf-8")
        peers = {}
        if python := peers_python():
            peers["datatrove"] = _command(python, cut, "datatrove")
        else:
            print("datatrove is left out: `make peers` builds its environment", file=sys.stderr)
        report = compare("privacy", _command(sys.executable, cut, "ours"), peers, options.runs)
    show(report, options.json)


def _command(python: str, texts: Path, side: str) -> list[str]:
    return [python, "-m", "benchmarks.privacy", "--in", str(texts), "--side", side]


def _ours(texts: list[str]) -> Work:
    import pyarrow as pa

    from stages.privacy.stage import PrivacyFilter

    stage = PrivacyFilter()
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    stage(batch.slice(0, 10))
    return lambda: stage(batch)


def _datatrove(texts: list[str]) -> Work:
    from datatrove.pipeline.formatters import PIIFormatter

    formatter = PIIFormatter()
    return lambda: [formatter.format(text) for text in texts]


SIDES: dict[str, Callable[[list[str]], Work]] = {"ours": _ours, "datatrove": _datatrove}

if __name__ == "__main__":
    main()
