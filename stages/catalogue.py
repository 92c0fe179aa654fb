"""Stage names as recipes write them, and the classes behind them; loads only what a recipe names.

Anybody's stage is as good as ours: `package.module:Class` works wherever a short name does.
"""

from __future__ import annotations

import difflib
import importlib

from stages.base import Stage, StageError

CATALOGUE: dict[str, str] = {
    "warc": "stages.warc.source:WarcSource",
    "jsonl": "stages.jsonl:JsonlSource",
    "parquet": "stages.parquet:ParquetSource",
    "extract_text": "stages.extract_text:ExtractText",
    "url_filter": "stages.url_filter:UrlFilter",
    "language": "stages.language:LanguageFilter",
    "gopher": "stages.gopher:GopherFilter",
    "filter": "stages.expression_filter:ExpressionFilter",
    "exact_dedup": "stages.exact_dedup:ExactDedup",
    "minhash_dedup": "stages.minhash.stage:MinhashDedup",
    "train_tokenizer": "stages.train_tokenizer:TrainTokenizer",
    "write_shards": "stages.write_shards:WriteShards",
}


def stage_class(name: str) -> type[Stage]:
    """The class of a catalogue name or of `package.module:Class`; StageError names the nearest stage."""
    target = CATALOGUE.get(name, name)
    if ":" not in target:
        close = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.5)
        hint = f"did you mean '{close[0]}'?" if close else f"known stages: {', '.join(CATALOGUE)}"
        raise StageError(f"no stage is named '{name}'; {hint}")
    module_name, _, class_name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise StageError(f"stage '{name}' cannot be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Stage)):
        raise StageError(f"stage '{name}' is not a stages.base.Stage")
    return found
