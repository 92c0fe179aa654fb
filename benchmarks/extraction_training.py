"""Train the block classifier of extract_text, and write the weights that are shipped.

    python -m benchmarks.extraction_training --in annotated.jsonl.zst --crawls FOLDER [--out weights.npz]

Two rounds of boosted trees (LightGBM; stages/extraction/classifier_kernel.py says what each is told). What the first
round says of the pages that the second one learns from comes from models that did not see them (three folds by host).
No threshold is chosen: blocks that are more likely main content than not are kept, because the threshold that is best
for so few pages is mostly chance. Everything is a function of the pages given: one thread, fixed seeds.
benchmarks.extraction_quality runs this same procedure inside each of its folds.

Cost: about a minute and a half on one core.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.extraction_pages import LabelledPage, label_annotated, read_annotated, read_crawls
from stages.extraction.classifier_kernel import CONTEXT, ONE, score_blocks
from stages.extraction.features_kernel import FEATURES
from stages.extraction.forest import empty_tile, forest_of
from stages.extraction.model import WEIGHTS, Model
from stages.extraction.page_reader import PageReader
from stages.extraction.page_table import Trees

MAX_DEPTH, MAX_NODES = 1000, 200_000
_INNER_FOLDS = 3
_ROUNDS = 100
_PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": 15,
    "max_depth": 6,
    "learning_rate": 0.07,
    "min_data_in_leaf": 20,
    "min_sum_hessian_in_leaf": 5,
    "lambda_l2": 5,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "use_missing": False,
    "deterministic": True,
    "num_threads": 1,
    "seed": 1,
    "verbose": -1,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.extraction_training", description="Train extract_text.")
    parser.add_argument("--in", dest="path", type=Path, required=True, help="annotated pages, JSON Lines (.zst)")
    parser.add_argument("--crawls", type=Path, required=True, help="folder of WARC files, labelled by Resiliparse")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    reader = PageReader(MAX_DEPTH, MAX_NODES)
    annotated = [label_annotated(page, reader) for page in read_annotated(options.path)]
    crawled = list(read_crawls(options.crawls, reader))
    model = train(annotated, crawled, reader)
    model.save(options.out)
    print(f"{options.out}: {len(annotated)} annotated pages, {len(crawled)} of crawls")


def train(annotated: Sequence[LabelledPage], crawled: Sequence[LabelledPage], reader: PageReader) -> Model:
    """A model from labelled pages."""
    pages = [*annotated, *crawled]
    folds = split_by_host(pages, _INNER_FOLDS, "inner")
    rows = [page.features for page in pages]
    first_scores = _scores_across_folds(pages, rows, folds)
    both = [
        np.hstack([page.features, context(page, scores, reader)])
        for page, scores in zip(pages, first_scores, strict=True)
    ]
    return Model(_fit(pages, rows), _fit(pages, both))


def split_by_host(pages: Sequence[LabelledPage], folds: int, salt: str) -> np.ndarray:
    """The fold of each page: hosts in the order of a hash are dealt out in turn, so that a host is in one fold."""
    hosts = sorted({page.host for page in pages}, key=lambda host: hashlib.sha256(f"{salt}{host}".encode()).digest())
    dealt = {host: index % folds for index, host in enumerate(hosts)}
    return np.array([dealt[page.host] for page in pages])


def context(page: LabelledPage, scores: np.ndarray, reader: PageReader) -> np.ndarray:
    """What the second round is told about a page besides its features."""
    reader.scan(page.html)
    reader.fill_features(np.empty_like(page.features))
    rows = np.empty((len(scores), len(CONTEXT)), np.float32)
    reader.fill_context(scores, rows)
    return rows


def _scores_across_folds(
    pages: Sequence[LabelledPage], rows: Sequence[np.ndarray], folds: np.ndarray
) -> list[np.ndarray]:
    scores = [np.zeros(len(page.labels), np.int64) for page in pages]
    for fold in range(_INNER_FOLDS):
        seen = np.flatnonzero(folds != fold)
        forest = forest_of(_fit([pages[index] for index in seen], [rows[index] for index in seen]))
        for index in np.flatnonzero(folds == fold):
            score_blocks(rows[index], forest, empty_tile(rows[index].shape[1]), scores[index])
    return scores


def _fit(pages: Sequence[LabelledPage], rows: Sequence[np.ndarray]) -> Trees:
    import lightgbm

    names = [*FEATURES, *CONTEXT][: rows[0].shape[1]]
    data = lightgbm.Dataset(
        np.vstack(rows),
        np.concatenate([page.labels for page in pages]).astype(float),
        weight=np.concatenate([page.weights for page in pages]),
        feature_name=names,
    )
    booster = lightgbm.train(_PARAMETERS, data, _ROUNDS)
    return _join([_flatten(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]])


class _Tree(NamedTuple):
    """One tree in the layout of Trees, its nodes numbered from its root."""

    depth: int
    features: list[int]
    thresholds: list[float]
    children: list[int]
    values: list[int]


def _flatten(root: dict[str, Any]) -> _Tree:
    """LightGBM's nested tree level by level; leaf values in units of the kernel."""
    tree = _Tree(0, [], [], [], [])
    level, depth, numbered = [root], -1, 1
    while level:
        below: list[dict[str, Any]] = []
        for node in level:
            inner = "split_feature" in node
            tree.features.append(node["split_feature"] if inner else 0)
            tree.thresholds.append(_float32_at_most(node["threshold"]) if inner else float("inf"))
            tree.values.append(0 if inner else round(node["leaf_value"] * ONE))
            tree.children.append(numbered if inner else len(tree.children))
            if inner:
                below += [node["left_child"], node["right_child"]]
                numbered += 2
        level, depth = below, depth + 1
    return tree._replace(depth=depth)


def _join(trees: Sequence[_Tree]) -> Trees:
    roots = np.cumsum([0, *(len(tree.features) for tree in trees)])[:-1].astype(np.int32)
    return Trees(
        roots,
        np.array([tree.depth for tree in trees], np.int32),
        np.concatenate([tree.features for tree in trees]).astype(np.int32),
        np.concatenate([tree.thresholds for tree in trees]).astype(np.float32),
        np.concatenate([np.add(tree.children, root) for tree, root in zip(trees, roots, strict=True)]).astype(np.int32),
        np.concatenate([tree.values for tree in trees]).astype(np.int32),
    )


def _float32_at_most(value: float) -> float:
    """The greatest float32 that is not above a threshold, so that float32 features fall on the same sides."""
    rounded = np.float32(value)
    return float(rounded if rounded <= value else np.nextafter(rounded, np.float32(-np.inf)))


if __name__ == "__main__":
    main()
