"""Texts are read whole or the damaged file is named, and plain text is cut where no pattern could tell."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import tokenizer.commands
from shards.commandline import run
from tokenizer import text_files
from tokenizer.pretokenize import PATTERNS
from tokenizer.text_files import read_texts
from tokenizer.word_counts import WordCounter

#: Neither zstd nor gzip makes this much shorter, so a file cut in half lacks text.
TEXT = " ".join(f"{number * number * 7919:x}" for number in range(4000))


def damaged_page() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": TEXT.split()}), sink, use_dictionary=False)
    whole = bytearray(sink.getvalue().to_pybytes())
    whole[200:3000] = bytes(byte ^ 0x55 for byte in whole[200:3000])
    return bytes(whole)


def parquet_of(column: pa.Array) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": column}), sink)
    return bytes(sink.getvalue().to_pybytes())


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 64]) + data[middle + 64 :]


DAMAGED = {
    "cut.txt.zst": (lambda: zstandard.compress(TEXT.encode())[:9000], "cut off"),
    "cut.jsonl.zst": (lambda: zstandard.compress(b'{"text": "a"}\n' * 999)[:-1], "cut off"),
    "cut.txt.gz": (lambda: gzip.compress(TEXT.encode())[:9000], "cut off"),
    "plain.txt.gz": (lambda: TEXT.encode(), "damaged or not what its name says (Not a gzipped file"),
    "plain.txt.zst": (lambda: TEXT.encode(), "damaged or not what its name says"),
    "flipped.txt.gz": (lambda: flipped(gzip.compress(TEXT.encode())), "damaged or not what its name says"),
    "tail.txt.zst": (lambda: zstandard.compress(b"text") + b"no frame", "damaged or not what its name says"),
    "pages.parquet": (damaged_page, "damaged or not what its name says (Corrupt snappy"),
    "plain.parquet": (lambda: TEXT.encode(), "damaged or not what its name says (Parquet magic bytes not found"),
    "halves.parquet": (
        lambda: parquet_of(pa.array([b"\xff"]).view(pa.string())),
        "damaged or not what its name says (Invalid UTF8",
    ),
    "numbers.parquet": (lambda: parquet_of(pa.array([1, 2, 3])), "column 'text' is int64, not text"),
    "bytes.parquet": (lambda: parquet_of(pa.array([b"a"])), "column 'text' is binary, not text"),
    "deep.jsonl": (lambda: b"[" * 100_000, "line 1 nests deeper than 200 levels; mend"),
    "long.jsonl": (lambda: b'{"text": "a", "n": ' + b"1" * 5000 + b"}", "line 1 holds an integer of more than"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_or_foreign_file_is_one_line_and_status_2(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, message = DAMAGED[name]
    path = tmp_path / name
    path.write_bytes(make())
    status = run(tokenizer.commands.app, "mill", ["train", str(path), "--out", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert (status, error.count("\n")) == (2, 1)
    assert error.startswith(f"mill: {path}: {message}")
    assert not (tmp_path / "out").exists()


def test_every_frame_of_a_zstd_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "frames.txt.zst"
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"size"
    path.write_bytes(b"".join(skipped + zstandard.compress(part.encode()) for part in (TEXT, " and ", TEXT)))
    assert "".join(text for texts in read_texts(path) for text in texts.to_pylist()) == f"{TEXT} and {TEXT}"


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_columns_of_strings_however_stored(kind: pa.DataType, tmp_path: Path) -> None:
    path = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"text": pa.array(["a", None, "b"]).cast(kind)}), path)
    assert [text for texts in read_texts(path) for text in texts.to_pylist()] == ["a", None, "b"]


CHARACTERS = "aZ1é中ß٣ſ'’\"!/.,。，+^ \t\r\n\v\u0085\u00a0\u2028\u3000\u0301\u200b\U000323b0😀"


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("we'll don't\r\n\r\n  'tis so\r\nx! /\n/\n1234567\r\n", 7)
@example("字。\r\n\r\n字字，字\r\n \n\n字1234，", 13)
@given(st.text(st.one_of(st.sampled_from(CHARACTERS), st.characters(codec="utf-8")), max_size=120), st.integers(1, 60))
def test_words_are_those_of_the_whole_text_wherever_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, text: str, block: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "plain.txt"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "_BATCH_BYTES", block)
        pieces = list(read_texts(path))
    assert "".join(piece[0].as_py() for piece in pieces) == text
    for pattern in PATTERNS.values():
        whole, cut = WordCounter(pattern), WordCounter(pattern)
        whole.add(pa.array([text]))
        for piece in pieces:
            cut.add(piece)
        assert whole.finish().equals(cut.finish()), pattern.name


@pytest.mark.parametrize(
    "line",
    [
        "Plain lines of English.\r\n",
        "где растут леса\r\n",
        "春眠不覚暁，处处闻啼鸟。\r\n",
        "สวัสดี ชาวโลก\n",
        "QUJD+/8=\n",
    ],
)
def test_text_of_any_script_and_line_end_is_read_in_pieces(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plain.txt"
    path.write_bytes(line.encode() * 500)
    monkeypatch.setattr(text_files, "_BATCH_BYTES", 1000)
    assert max(len(piece[0].as_py().encode()) for piece in read_texts(path)) < 1200
