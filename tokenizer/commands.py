"""Commands over tokenizers: `corpusmill tokenizer train | encode | decode`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train a tokenizer; turn text to ids and back.", no_args_is_help=True)

_TOKENIZER = typer.Argument(metavar="TOKENIZER", help="tokenizer.json, or the folder that holds it.")
_JSON = typer.Option("--json", help="Print one JSON object.")


@app.command(epilog="Example: corpusmill tokenizer train corpus.jsonl.zst --vocab-size 8192 --out my/tokenizer.json")
def train(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Text, .jsonl(.gz, .zst) or .parquet.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write tokenizer.json.")],
    vocab_size: Annotated[int, typer.Option(help="Number of ids: bytes, merges and <|endoftext|>.")] = 32768,
    pattern: Annotated[str, typer.Option(help="How text is cut: gpt4, qwen2, nanochat, gpt2 or o200k.")] = "gpt4",
    text_key: Annotated[str, typer.Option(help="Key or column of the text.")] = "text",
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Train byte-level BPE on files and write tokenizer.json."""
    import tokenizer
    from tokenizer.bpe_train import train_merges
    from tokenizer.errors import TokenizerError
    from tokenizer.file import write_tokenizer
    from tokenizer.pretokenize import split_pattern
    from tokenizer.text_files import read_texts
    from tokenizer.word_counts import WordCounter

    if vocab_size < 257:
        raise TokenizerError(f"--vocab-size {vocab_size}: the 256 bytes and <|endoftext|> need 257 or more")
    path = out if out.suffix == ".json" else out / "tokenizer.json"
    counter = WordCounter(split_pattern(pattern))
    started = time.perf_counter()
    for file in files:
        for texts in read_texts(file, text_key):
            counter.add(texts)
    words = counter.finish()
    if words.num_rows == 0:
        raise TokenizerError(f"{files[0]}: no text to train on")
    write_tokenizer(path, train_merges(words, vocab_size - 1), counter.pattern)
    trained = tokenizer.load(path)
    report = {
        "tokenizer": str(path),
        "sha256": trained.sha256,
        "vocabulary_size": trained.vocabulary_size,
        "text_bytes": counter.text_bytes,
        "distinct_words": words.num_rows,
        "words_cut": counter.words_cut,
        "seconds": round(time.perf_counter() - started, 2),
    }
    if as_json:
        print(json.dumps(report, indent=1))
        return
    print(
        f"{path}: {trained.vocabulary_size:,} ids from {words.num_rows:,} distinct words "
        f"in {counter.text_bytes / 1e6:,.1f} MB, {report['seconds']} s"
    )
    if counter.words_cut:
        print(f"note: {counter.words_cut:,} words of over {counter.longest:,} bytes were cut", file=sys.stderr)
    if trained.vocabulary_size < vocab_size:
        print(f"note: the text has no more pairs to merge, so there are fewer than {vocab_size:,} ids", file=sys.stderr)


@app.command(epilog="Example: echo 'some text' | corpusmill tokenizer encode RUN/tokenizer --json")
def encode(
    path: Annotated[Path, _TOKENIZER],
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Text; standard input if left out.")] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Print the ids of a text. Special tokens in it are ordinary text."""
    import tokenizer
    from tokenizer.errors import TokenizerError

    bpe = tokenizer.load(path)
    try:
        content = sys.stdin.buffer.read().decode() if text is None else text
        content.encode()
    except UnicodeError as error:
        raise TokenizerError(f"the text is not UTF-8 ({error}); convert it first") from None
    ids = bpe.encode(content)
    if as_json:
        tokens = [bpe.token_bytes(token).decode("utf-8", "replace") for token in ids]
        print(json.dumps({"ids": ids, "tokens": tokens}, ensure_ascii=False))
    else:
        print(*ids)


@app.command(epilog="Example: corpusmill tokenizer decode RUN/tokenizer 464 2068 7586")
def decode(
    path: Annotated[Path, _TOKENIZER],
    ids: Annotated[list[str] | None, typer.Argument(metavar="IDS...", help="Ids; standard input if left out.")] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Print the text of ids, byte for byte."""
    import tokenizer
    from tokenizer.errors import TokenizerError

    bpe = tokenizer.load(path)
    try:
        numbers = [int(word) for word in (sys.stdin.read().split() if ids is None else ids)]
    except ValueError as error:
        raise TokenizerError(f"ids are whole numbers divided by blanks: {error}") from None
    if as_json:
        print(json.dumps({"text": bpe.decode(numbers)}, ensure_ascii=False))
    else:
        sys.stdout.flush()
        # A pipe or file gets the text and nothing else; on a terminal the prompt would stick to it.
        sys.stdout.buffer.write(bpe.decode_bytes(numbers) + (b"\n" if sys.stdout.isatty() else b""))
        sys.stdout.buffer.flush()
