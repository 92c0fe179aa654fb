"""Records that unpack to far more than they should are quarantined by limit, in little memory, and the next is read."""

import bz2
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

JSON = (b'{"text": "one"}\n{"text": "', b'"}\n{"text": "two"}\n')
BOMBS = [
    ("a.jsonl.gz", 300, gzip.compress, "jsonl", JSON),
    ("a.jsonl.bz2", 40, bz2.compress, "jsonl", JSON),
    ("a.csv.zst", 40, zstandard.compress, "csv", (b'text\none\n"', b'"\ntwo\n')),
    ("a.txt.gz", 40, gzip.compress, {"text": {"documents": "line"}}, (b"one\n", b"\ntwo\n")),
]
READ = """
import json, sys
from pathlib import Path
from pipeline import Recipe
from tests.stages.warc_files import rows
found = []
for name, stage in json.loads(sys.argv[2]):
    source = Recipe.parse({"name": "bomb", "stages": [stage]}).source()
    found.append([row.get("text", row.get("error")) for row in rows(source, Path(sys.argv[1], name))])
# Of this process alone: getrusage would also count what it was forked from.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([found, int(status["VmHWM"].split()[0]) // 1024]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure memory")
def test_records_that_unpack_to_hundreds_of_megabytes(tmp_path):
    for name, megabytes, pack, _, (before, after) in BOMBS:
        (tmp_path / name).write_bytes(pack(before) + pack(b"x" * (1 << 20)) * megabytes + pack(after))
    stages = json.dumps([(name, stage) for name, _, _, stage, _ in BOMBS])
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path), stages], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found, peak_megabytes = json.loads(done.stdout)
    assert found == [["one", "the line has more than max_record_bytes (16000000)", "two"]] * len(BOMBS)
    assert peak_megabytes < 500
