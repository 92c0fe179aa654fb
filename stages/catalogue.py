"""Stage names as recipes write them, and the classes behind them; loads only what a recipe names.

Anybody's stage is as good as ours: `package.module:Class` works wherever a short name does.
"""

from __future__ import annotations

import difflib
import importlib
from types import ModuleType

from stages.base import Stage, StageError

CATALOGUE: dict[str, str] = {
    "warc": "stages.warc.source:WarcSource",
    "wet": "stages.warc.wet:WetSource",
    "jsonl": "stages.sources.jsonl:JsonlSource",
    "parquet": "stages.sources.parquet:ParquetSource",
    "arrow": "stages.sources.arrow:ArrowSource",
    "csv": "stages.sources.csv_files:CsvSource",
    "hub": "stages.sources.hub:HubSource",
    "text": "stages.sources.text_files:TextSource",
    "html": "stages.sources.html_files:HtmlSource",
    "page_signals": "stages.signals.stage:PageSignals",
    "extract_text": "stages.extract_text:ExtractText",
    "url_filter": "stages.url.filter:UrlFilter",
    "language": "stages.language:LanguageFilter",
    "gopher": "stages.gopher:GopherFilter",
    "c4_lines": "stages.c4_lines:C4Lines",
    "c4": "stages.c4:C4Filter",
    "bad_words": "stages.bad_words:BadWordsFilter",
    "c4_paragraphs": "stages.c4_paragraphs:C4ParagraphFilter",
    "fineweb": "stages.fineweb:FineWebFilter",
    "datatrove": "stages.datatrove_block:DatatroveBlock",
    "privacy": "stages.privacy.stage:PrivacyFilter",
    "decontaminate": "stages.decontamination.stage:Decontaminate",
    "dolma": "stages.rules.dolma:DolmaFilter",
    "strip_urls": "stages.rules.strip_urls:StripUrls",
    "refinedweb_lines": "stages.rules.refinedweb_lines:RefinedWebLines",
    "refinedweb": "stages.rules.refinedweb:RefinedWebFilter",
    "quality": "stages.quality.stage:QualityFilter",
    "perplexity": "stages.perplexity:PerplexityFilter",
    "filter": "stages.expression_filter:ExpressionFilter",
    "canonical_url": "stages.url.canonical:CanonicalUrl",
    "host_cap": "stages.url.host_cap:HostCap",
    "exact_dedup": "stages.exact_dedup:ExactDedup",
    "url_dedup": "stages.url.dedup:UrlDedup",
    "minhash_dedup": "stages.minhash.stage:MinhashDedup",
    "split_documents": "stages.split_documents:SplitDocuments",
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
    found = getattr(_module(name, module_name), class_name, None)
    if found is None:
        raise StageError(f"stage '{name}' cannot be loaded: the module has no class '{class_name}'")
    if not (isinstance(found, type) and issubclass(found, Stage)):
        raise StageError(f"stage '{name}' is not a stages.base.Stage")
    return found


def _module(name: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except Exception as error:  # the module may be anybody's, and importing it runs it
        message = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
            message += (
                "; a stage's module must be importable: start the command with PYTHONPATH=FOLDER, "
                "the folder that holds it (PYTHONPATH=. for this one), or install its package with pip install -e"
            )
        raise StageError(f"stage '{name}' cannot be loaded: {' '.join(message.split())}") from error
