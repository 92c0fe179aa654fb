"""What deduplication leaves behind to be checked: the removal list with its reasons, and the pairs that prove it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.documents import IDENTITY
from stages.identity import identity_hash
from stages.minhash.index import CHANGE_SCHEMA
from stages.minhash.resolution import Clusters, Members, SimilarPairs
from stages.minhash.signatures import estimated_jaccard
from stages.removals import CLUSTER_SEED, part_of, place_of, removal_list

_IDENTITY_NAMES = [field.name for field in IDENTITY]
PAIR_SCHEMA = pa.schema(
    [
        *(field.with_name(f"{field.name}_{side}") for side in "ab" for field in IDENTITY),
        ("bands", pa.uint16()),
        ("estimated_jaccard", pa.float64()),
        ("jaccard", pa.float64()),
    ]
)


def removal_rows(members: Members, clusters: Clusters, expression: str, new_parts: int) -> pa.Table:
    """The removal list of the members of this run (of its `new_parts`) that are not alone in their cluster.

    A removed document's values are its cluster and size, the document that stays and its similarity to it, and,
    where a path of pairs leads there, the next document on it (`via`).
    """
    return _listed(members, clusters, expression, (clusters.size > 1) & (part_of(members.place) < new_parts))


def change_rows(members: Members, clusters: Clusters, expression: str, new_parts: int) -> pa.Table:
    """What becomes of the members of earlier runs: those that were kept or are kept now (CHANGE_SCHEMA)."""
    of_earlier = np.flatnonzero(part_of(members.place) >= new_parts)
    if not len(of_earlier):
        return CHANGE_SCHEMA.empty_table()
    before = np.zeros(len(members), dtype=bool)
    before[of_earlier] = (
        members.table["kept"].combine_chunks().take(pa.array(of_earlier)).to_numpy(zero_copy_only=False)
    )
    now = clusters.survivor == np.arange(len(members))
    chosen = (before | now) & (part_of(members.place) >= new_parts)
    listed = _listed(members, clusters, expression, chosen)
    index = members.index(place_of(listed["part"].to_numpy(), listed["row"].to_numpy()))
    kinds = pa.array(["retracted", "reinstated", "stays"])
    kind = np.where(now[index], np.where(before[index], 2, 1), 0)
    columns = {name: members.table[name].take(pa.array(index)) for name in _IDENTITY_NAMES}
    columns |= {name: listed[name] for name in listed.column_names if name != "removed"}
    columns["part"] = pa.array(listed["part"].to_numpy() - np.uint32(new_parts))
    columns["cluster"] = pc.if_else(pc.equal(listed["cluster_size"], 1), None, listed["cluster"])
    columns["change"] = kinds.take(pa.array(kind))
    return pa.table(columns, schema=CHANGE_SCHEMA)


def _listed(members: Members, clusters: Clusters, expression: str, which: np.ndarray) -> pa.Table:
    """The removal list (REMOVAL_SCHEMA) of some members (bool), in order of their places."""
    chosen = np.flatnonzero(which)
    chosen = chosen[np.argsort(members.place[chosen])]
    survivor = clusters.survivor[chosen]
    return removal_list(
        members.place[chosen],
        members.place[survivor],
        clusters.size[chosen],
        members.table.select(_IDENTITY_NAMES).take(pa.array(survivor)),
        "near_duplicate",
        expression,
        _values(members, clusters, chosen),
    )


def pair_table(members: Members, pairs: SimilarPairs) -> pa.Table:
    """Both identities of each pair, the bands it shares and its similarities, in the order of the corpus."""
    place = members.place
    first = np.where(place[pairs.left] < place[pairs.right], pairs.left, pairs.right)
    other = np.where(place[pairs.left] < place[pairs.right], pairs.right, pairs.left)
    order = np.lexsort((place[other], place[first]))
    identity = members.table.select(_IDENTITY_NAMES)
    columns: dict[str, Any] = {}
    for side, index in (("a", first), ("b", other)):
        found = identity.take(pa.array(index[order]))
        columns |= {f"{name}_{side}": found[name] for name in _IDENTITY_NAMES}
    columns["bands"] = pairs.bands[order].astype(np.uint16)
    columns["estimated_jaccard"] = pairs.estimated[order]
    columns["jaccard"] = pa.array(pairs.jaccard[order], from_pandas=True)
    return pa.table(columns, schema=PAIR_SCHEMA)


def _values(members: Members, clusters: Clusters, chosen: np.ndarray) -> pa.Array:
    """JSON for each chosen member that does not stay, null for the others."""
    count, survivor = len(chosen), clusters.survivor[chosen]
    goes = np.flatnonzero(survivor != chosen)
    chosen, survivor = chosen[goes], survivor[goes]
    estimated = estimated_jaccard(members.minima, chosen, survivor)
    exact = members.true_jaccard(chosen, survivor) if members.have_shingles else np.full(len(chosen), np.nan)
    via = clusters.via[chosen]
    named = np.unique(np.concatenate([survivor, via]))
    identity = members.table.select(_IDENTITY_NAMES).take(pa.array(named))
    names = dict(zip(named.tolist(), _as_json(identity), strict=True))
    file, offset, ordinal = (identity[name].combine_chunks() for name in _IDENTITY_NAMES)
    hashes = dict(zip(named.tolist(), identity_hash(file, offset, ordinal, CLUSTER_SEED).tolist(), strict=True))
    columns = (survivor, via, clusters.size[chosen], estimated, exact)
    entries = []
    for stays, step, size, estimate, true in zip(*(column.tolist() for column in columns), strict=True):
        entry = f'{{"cluster": {hashes[stays]}, "cluster_size": {size}, "survivor": {names[stays]}'
        entry += f', "estimated_jaccard": {round(estimate, 4)}'
        if members.have_shingles:
            entry += f', "jaccard": {round(true, 6)}'
        if step != stays:
            entry += f', "via": {names[step]}'
        entries.append(entry + "}")
    places = np.full(count, -1)
    places[goes] = np.arange(len(goes))
    return pa.array(entries, pa.string()).take(pa.array(places, mask=places < 0))


def _as_json(identity: pa.Table) -> list[str]:
    """Each row as a JSON object; a file's name is encoded once, not for every row."""
    files = {file: json.dumps(file) for file in identity["file"].unique().to_pylist()}
    rows = zip(*(identity[name].to_pylist() for name in _IDENTITY_NAMES), strict=True)
    return [f'{{"file": {files[file]}, "offset": {offset}, "ordinal": {ordinal}}}' for file, offset, ordinal in rows]
