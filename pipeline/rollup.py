"""The manifests of a phase, read in blocks: what is rolled up in one file, and the others one by one.

Whoever reads a phase's manifests leaves a roll-up for the next reader: a file for every BLOCK tasks, each manifest
without its list of inputs, beside what the listing of the folder said of the manifest's file (size, time, inode or
ETag). An entry counts as long as the listing says the same, so a roll-up is never the truth: it may be absent, torn,
of an earlier state or deleted at any time. Cost: a listing of the folder, a file a block, and the manifests that have
changed since it was written; fewer than WORTHWHILE of them are not worth a new one.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipeline.errors import RunError
from pipeline.files import atomic_path
from pipeline.manifest import Manifest
from pipeline.storage import Listed, in_threads, is_remote, list_folder

BLOCK = 1000
WORTHWHILE = 64


def read_manifests(folder: Path, rollups: Path, tasks: int) -> Iterator[Manifest | None]:
    """The manifest of each task in task order with `inputs` left empty, None where there is none that is whole."""
    listed, rolled = list_folder(folder), list_folder(rollups)
    for start in range(0, tasks, BLOCK):
        indices = range(start, min(start + BLOCK, tasks))
        rollup = rollups / f"{start // BLOCK:05d}.json.gz"
        entries = {index: listed[name] for index in indices if (name := manifest_name(index)) in listed}
        yield from _read_block(folder, rollup, rollup.name in rolled, indices, entries)


def manifest_name(index: int) -> str:
    return f"{index:05d}.json"


def _read_block(
    folder: Path, rollup: Path, exists: bool, indices: range, entries: dict[int, Listed]
) -> Iterator[Manifest | None]:
    known = _load(rollup) if exists else {}
    found = {
        index: Manifest.from_json(known[index]["manifest"])
        for index, entry in entries.items()
        if index in known and known[index]["stamp"] == entry.stamp
    }
    unknown = [index for index in entries if index not in found]
    places = [folder / manifest_name(index) for index in unknown]
    loaded = in_threads(Manifest.load, places) if is_remote(folder) else map(Manifest.load, places)
    for index, manifest in zip(unknown, loaded, strict=True):
        if manifest is not None:
            found[index] = replace(manifest, inputs=[])
    if len(unknown) >= WORTHWHILE:
        _save(rollup, {index: {"stamp": entries[index].stamp, "manifest": asdict(found[index])} for index in found})
    return (found.get(index) for index in indices)


def _load(rollup: Path) -> dict[int, dict[str, Any]]:
    """What a roll-up holds; nothing when it is gone or damaged."""
    try:
        entries = json.loads(gzip.decompress(rollup.read_bytes()))
        return {
            int(index): {"stamp": entry["stamp"], "manifest": entry["manifest"]} for index, entry in entries.items()
        }
    except (OSError, RunError, ValueError, EOFError, zlib.error, KeyError, TypeError, AttributeError):
        return {}


def _save(rollup: Path, entries: dict[int, dict[str, Any]]) -> None:
    # A run may be looked at by those who may not write to it, and on a full disk.
    with suppress(OSError, RunError), atomic_path(rollup, durable=False) as temporary:
        temporary.write_bytes(gzip.compress(json.dumps(entries).encode(), compresslevel=1, mtime=0))
