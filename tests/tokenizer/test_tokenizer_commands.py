"""`corpusmill tokenizer`: train on every kind of file, encode and decode, one line for every mistake."""

import gzip
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

import tokenizer.commands
from shards.commandline import run

LINES = [
    f"The {word} of the mill grinds number {number}." for number, word in enumerate(["stone", "wheel", "æther"] * 9)
]


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = run(tokenizer.commands.app, "corpusmill tokenizer", [str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The same lines as JSON Lines (plain, gzip, zstd) and Parquet, and as one text."""
    json_lines = "".join(json.dumps({"text": line}) + "\n" for line in LINES).encode()
    paths = {name: tmp_path / name for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet", "a.txt", "b.txt")}
    paths["a.jsonl"].write_bytes(json_lines)
    paths["a.jsonl.gz"].write_bytes(gzip.compress(json_lines))
    paths["a.jsonl.zst"].write_bytes(zstandard.compress(json_lines))
    pq.write_table(pa.table({"text": LINES}), paths["a.parquet"])
    paths["a.txt"].write_text("\n".join(LINES))
    paths["b.txt"].write_bytes(b"\xff\xfe\xff not UTF-8")
    return paths


def test_every_kind_of_file_trains_the_same(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = set()
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"):
        out = tmp_path / name.replace(".", "-") / "tokenizer.json"
        status, output, _ = call(capsys, "train", files[name], "--vocab-size", 300, "--out", out, "--json")
        report = json.loads(output)
        assert (status, report["vocabulary_size"], report["text_bytes"]) == (
            0,
            300,
            sum(len(x.encode()) for x in LINES),
        )
        made.add(out.read_bytes())
    assert len(made) == 1


def test_plain_text_is_cut_where_no_word_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tokenizer import text_files
    from tokenizer.pretokenize import PATTERNS
    from tokenizer.word_counts import WordCounter

    text = "don't\nwe  \n\nsay!\nso\n\n\nx\n 1\ny\nend" * 50
    path = tmp_path / "plain.txt"
    path.write_text(text)
    monkeypatch.setattr(text_files, "_BATCH_BYTES", 97)
    pieces = list(text_files.read_texts(path))
    assert len(pieces) > 10
    for pattern in PATTERNS.values():
        whole, cut = WordCounter(pattern), WordCounter(pattern)
        whole.add(pa.array([text]))
        for piece in pieces:
            cut.add(piece)
        assert whole.finish().equals(cut.finish())


def test_encode_and_decode_are_inverse(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(capsys, "train", files["a.txt"], "--vocab-size", 300, "--out", tmp_path)
    text = "The æther\n<|endoftext|>"
    status, ids, _ = call(capsys, "encode", tmp_path, text)
    assert status == 0
    assert call(capsys, "decode", tmp_path, *ids.split())[1] == text
    _, output, _ = call(capsys, "encode", tmp_path / "tokenizer.json", text, "--json")
    answer = json.loads(output)
    assert answer["ids"] == [int(word) for word in ids.split()]
    assert "The" in answer["tokens"]
    assert json.loads(call(capsys, "decode", tmp_path, *ids.split(), "--json")[1]) == {"text": text}


def test_standard_input_is_read_byte_for_byte(files: dict[str, Path], tmp_path: Path) -> None:
    def pipe(*arguments: str, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        program = (
            "import sys, tokenizer.commands as c; from shards.commandline import run; sys.exit(run(c.app, 'mill'))"
        )
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], input=stdin, capture_output=True, check=False
        )

    pipe("train", str(files["a.txt"]), "--vocab-size", "300", "--out", str(tmp_path), stdin=b"")
    text = "two\r\nlines æ\n".encode()
    ids = pipe("encode", str(tmp_path), stdin=text).stdout
    assert pipe("decode", str(tmp_path), stdin=ids).stdout == text
    wrong = pipe("encode", str(tmp_path), stdin=b"\xff")
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert wrong.stderr.startswith(b"mill: the text is not UTF-8")
    wrong = pipe("decode", str(tmp_path), stdin=b"12 \xff")
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert wrong.stderr.startswith(b"mill: ids are whole numbers divided by blanks")


def test_a_terminal_gets_a_line_end_after_the_text(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(capsys, "train", files["a.txt"], "--vocab-size", 300, "--out", tmp_path)
    program = "import sys, tokenizer.commands as c; from shards.commandline import run; sys.exit(run(c.app, 'mill'))"
    ours, theirs = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", program, "decode", str(tmp_path), "0"], stdout=theirs, check=True)
        assert os.read(ours, 99) == b"!\r\n"
    finally:
        os.close(theirs)
        os.close(ours)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "a.jsonl", "--out", "t", "--pattern", "gpt5"], "pattern 'gpt5' is unknown"),
        (["train", "a.jsonl", "--out", "t", "--vocab-size", "100"], "need 257 or more"),
        (["train", "a.jsonl", "--out", "t", "--text-key", "body"], "line 1 has no text under 'body'"),
        (["train", "a.parquet", "--out", "t", "--text-key", "body"], "no column 'body'"),
        (["train", "absent.txt", "--out", "t"], "absent.txt: No such file"),
        (["train", "b.txt", "--out", "t"], "b.txt: not UTF-8 text"),
        (["encode", "absent", "text"], "absent: no such file"),
        (["train", "a.jsonl"], "--out"),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    arguments: list[str],
    message: str,
    files: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, output, error = call(capsys, *arguments)
    assert (status, output, error.count("\n")) == (2, "", 1)
    assert message in error


def test_help_has_an_example_and_loads_nothing_slow() -> None:
    for command in ("train", "encode", "decode"):
        program = (
            "import sys, tokenizer.commands as c; from shards.commandline import run\n"
            f"status = run(c.app, 'corpusmill tokenizer', ['{command}', '--help'])\n"
            "assert not {'numba', 'pyarrow', 'numpy', 'tokenizers', 'gigatoken', 'polars'} & set(sys.modules)\n"
            "sys.exit(status)"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert "Example: " in done.stdout
