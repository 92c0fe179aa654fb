"""The manifests of a phase, read in blocks: what is rolled up in one file, and the others one by one.

Whoever reads a phase's manifests leaves a roll-up for the next reader: a file for every BLOCK tasks, each manifest
without its list of inputs, beside what the listing of the folder said of the manifest's file (size, time, inode or
ETag). An entry counts as long as the listing says the same, so a roll-up is never the truth: it may be absent,
damaged (its content is held against a sha256), of an earlier state or version, or deleted at any time. Cost: a
listing of the folder, a file a block, and the manifests that have changed since it was written; fewer than WORTHWHILE
of them are not worth a new one.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from pipeline.errors import RunError
from pipeline.files import atomic_path
from pipeline.manifest import Manifest
from pipeline.storage import Listed, in_threads, is_remote, list_folder

BLOCK = 1000
WORTHWHILE = 64


def read_manifests(folder: Path, rollups: Path, fingerprint: str, tasks: int) -> Iterator[Manifest | None]:
    """The manifest of each task in task order with `inputs` left empty, None where there is none that is whole."""
    listed, rolled = list_folder(folder), list_folder(rollups)
    for start in range(0, tasks, BLOCK):
        indices = range(start, min(start + BLOCK, tasks))
        rollup = rollups / f"{start // BLOCK:05d}.json.gz"
        entries = {index: listed[name] for index in indices if (name := manifest_name(index)) in listed}
        known = _load(rollup, fingerprint) if rollup.name in rolled else {}
        yield from _read_block(folder, rollup, known, indices, entries)


def manifest_name(index: int) -> str:
    return f"{index:05d}.json"


def _read_block(
    folder: Path,
    rollup: Path,
    known: dict[int, tuple[str, Manifest]],
    indices: range,
    entries: dict[int, Listed],
) -> Iterator[Manifest | None]:
    found = {
        index: known[index][1] for index, entry in entries.items() if index in known and known[index][0] == entry.stamp
    }
    unknown = [index for index in entries if index not in found]
    places = [folder / manifest_name(index) for index in unknown]
    loaded = in_threads(Manifest.load, places) if is_remote(folder) else map(Manifest.load, places)
    for index, manifest in zip(unknown, loaded, strict=True):
        if manifest is not None:
            found[index] = replace(manifest, inputs=[])
    if len(unknown) >= WORTHWHILE:
        _save(rollup, [(entries[index].stamp, found[index]) for index in found])
    return (found.get(index) for index in indices)


def _load(rollup: Path, fingerprint: str) -> dict[int, tuple[str, Manifest]]:
    """Stamp and manifest of each task that a roll-up of the phase holds; nothing when it is gone or damaged."""
    try:
        content = gzip.decompress(rollup.read_bytes())
        sha256, entries = content[:64], content[64:]
        if hashlib.sha256(entries).hexdigest().encode() != sha256:
            return {}
        manifests = [(stamp, Manifest.from_json(manifest)) for stamp, manifest in json.loads(entries)]
        return {found.index: (stamp, found) for stamp, found in manifests if found.fingerprint == fingerprint}
    except (OSError, RunError, ValueError, EOFError, zlib.error, KeyError, TypeError):
        return {}


def _save(rollup: Path, entries: list[tuple[str, Manifest]]) -> None:
    content = json.dumps([(stamp, asdict(manifest)) for stamp, manifest in entries]).encode()
    sha256 = hashlib.sha256(content).hexdigest().encode()
    # A run may be looked at by those who may not write to it, and on a full disk.
    with suppress(OSError, RunError), atomic_path(rollup, durable=False) as temporary:
        temporary.write_bytes(gzip.compress(sha256 + content, compresslevel=1, mtime=0))
