"""The scores that a fastText model gives its labels, from the mean of a text's rows, for every loss.

softmax            exp(logit) over the sum of all
sigmoid            each label for itself (losses `ova` and `ns`), from fastText's table of 512 values between -8 and 8
tree               hierarchical softmax (Morin and Bengio 2005): the product of the branches down to a leaf

fastText adds 1e-5 before every logarithm, so scores may exceed 1 slightly; ours are the same. Where two labels score
the same, the later wins, as in fastText. Cost: one multiplication a label and dimension; the output matrix lies
transposed, so that labels are summed side by side in vector registers and each of them in fastText's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tokenizer.kernel_cache import allocating_kernel, kernel

if TYPE_CHECKING:
    Array = np.ndarray

SOFTMAX, SIGMOID, TREE = 0, 1, 2
_SMALLEST = 1e-5
_TABLE_SIZE = 512
_TABLE_END = np.float32(8)


@allocating_kernel
def best_two(
    hidden: Array, counts: Array, output: Array, loss: int, children: Array, order: Array, labels: Array, scores: Array
) -> None:
    """Fill `labels` (int64, texts x 2) and `scores` (float64) with each text's best label and the next.

    -1 and 0 where a text has no rows or the model no second label. `output` is float32 (dim, logits), `children`
    (int64, nodes x 2) the tree with -1 in leaves, `order` (int64) the labels as fastText comes upon them.
    """
    logits = np.empty(output.shape[1], dtype=np.float32)
    values = np.empty(max(order.size, children.shape[0]), dtype=np.float64)
    for text in range(counts.size):
        labels[text] = -1
        scores[text] = 0
        if counts[text]:
            score_labels(hidden[text], output, loss, children, logits, values)
            for label in order:
                if values[label] >= scores[text, 0]:
                    labels[text, 1], scores[text, 1] = labels[text, 0], scores[text, 0]
                    labels[text, 0], scores[text, 0] = label, values[label]
                elif values[label] >= scores[text, 1]:
                    labels[text, 1], scores[text, 1] = label, values[label]


@allocating_kernel
def scores_of(
    hidden: Array, counts: Array, output: Array, loss: int, children: Array, label: int, scores: Array
) -> None:
    """Fill `scores` (float64) with the score of one label for each text; 0 where a text has no rows."""
    logits = np.empty(output.shape[1], dtype=np.float32)
    values = np.empty(max(output.shape[1], children.shape[0]), dtype=np.float64)
    for text in range(counts.size):
        scores[text] = 0
        if counts[text]:
            score_labels(hidden[text], output, loss, children, logits, values)
            scores[text] = values[label]


@kernel
def score_labels(hidden: Array, output: Array, loss: int, children: Array, logits: Array, values: Array) -> None:
    """Set values[label] (float64) for every label of one text; `logits` (float32) is scratch."""
    logits[:] = 0
    for dimension in range(hidden.size):
        weights = output[dimension]
        for label in range(logits.size):
            logits[label] += hidden[dimension] * weights[label]
    if loss == SOFTMAX:
        softmax(logits, values)
    elif loss == SIGMOID:
        for label in range(logits.size):
            values[label] = tabled_sigmoid(logits[label]) + _SMALLEST
    else:
        descend(logits, children, values)


@kernel
def softmax(logits: Array, values: Array) -> None:
    """exp(logit) over the sum of all."""
    highest = logits[0]
    for label in range(logits.size):
        highest = max(highest, logits[label])
    total = 0.0
    for label in range(logits.size):
        values[label] = np.exp(np.float64(logits[label] - highest))
        total += values[label]
    for label in range(logits.size):
        values[label] = values[label] / total + _SMALLEST


@kernel
def tabled_sigmoid(logit: np.float32) -> float:
    """The logistic function at the beginning of the logit's cell of fastText's table."""
    if logit < -_TABLE_END:
        return 0.0
    if logit > _TABLE_END:
        return 1.0
    cell = np.int64((logit + _TABLE_END) * np.float32(_TABLE_SIZE) / _TABLE_END / np.float32(2))
    return 1 / (1 + np.exp(-(cell * 2.0 * _TABLE_END / _TABLE_SIZE - _TABLE_END)))


@kernel
def descend(logits: Array, children: Array, values: Array) -> None:
    """Give every node the product of the branches from the root, which is the last, down to it."""
    leaves = (children.shape[0] + 1) // 2
    values[children.shape[0] - 1] = 1.0
    for node in range(children.shape[0] - 1, leaves - 1, -1):
        right = 1 / (1 + np.exp(-np.float64(logits[node - leaves])))
        values[children[node, 0]] = values[node] * (1 - right + _SMALLEST)
        values[children[node, 1]] = values[node] * (right + _SMALLEST)
