"""Signature files of datatrove's first MinHash stage, written by the peers' interpreter.

    python -m tests.stages.minhash.datatrove_oracle      renews tests/golden/datatrove_signatures.json

The golden file holds sha256 of every signature file for all texts of ../shared/data/neardup, by hash function.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

GOLDEN = Path(__file__).parents[2] / "golden" / "datatrove_signatures.json"
HASHES = ("xxh64", "sha1")
BANDS, ROWS = 14, 8


def write_signatures(texts: Path, hash_name: str, folder: str) -> None:
    """Run by the peers' interpreter: `texts` is a JSON list."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.hashing import HashConfig

    function = {"xxh64": "xxhash", "sha1": "sha1"}[hash_name]
    config = MinhashConfig(hash_config=HashConfig(precision=64, hash_fc=function))
    documents = [Document(text=text, id=str(index)) for index, text in enumerate(json.loads(texts.read_text("utf-8")))]
    MinhashDedupSignature(output_folder=folder, config=config).run(documents)


def ask_datatrove(python: str, texts: list[str], hash_name: str, folder: Path) -> list[bytes]:
    """What datatrove writes for these texts: one file a band, records of eight minima and the text's number."""
    listed = folder / "texts.json"
    listed.write_text(json.dumps(texts), "utf-8")
    command = [python, __file__, str(listed), hash_name, str(folder / "signatures")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return [(folder / f"signatures/bucket_{band:03d}/00000.minhash.sig").read_bytes() for band in range(BANDS)]


def digests(files: list[bytes]) -> list[str]:
    return [hashlib.sha256(file).hexdigest() for file in files]


def record() -> None:
    from benchmarks.paired import peers_python
    from benchmarks.texts import read_texts
    from tests.conftest import SHARED

    python = peers_python()
    assert python, "run `make peers` first"
    texts = list(read_texts(SHARED / "neardup/dev_docs.jsonl.zst"))
    found = {}
    for name in HASHES:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = digests(ask_datatrove(python, texts, name, Path(folder)))
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        record()
    else:
        write_signatures(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
