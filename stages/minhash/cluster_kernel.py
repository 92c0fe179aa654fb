"""Clusters of a graph of verified pairs, by an order of preference in which lower ranks stay.

    components    all that is connected is one cluster; its best document stays
    star          in the order of preference: a document stays unless it is paired with one that stays

Documents are numbers 0, 1, ...; `neighbours[starts[i]:starts[i + 1]]` are those paired with i. `order` lists
documents best first. Cost: linear in documents and pairs.
"""

from __future__ import annotations

import numpy as np

from tokenizer.kernel_cache import allocating_kernel, kernel


@kernel
def star(order, starts, neighbours, survivor):  # type: ignore[no-untyped-def]
    """Fill survivor[document] (int64, -1 at first): the document kept that it is paired with, itself where it stays."""
    for place in range(order.size):
        document = order[place]
        if survivor[document] >= 0:
            continue
        survivor[document] = document
        for at in range(starts[document], starts[document + 1]):
            neighbour = neighbours[at]
            if survivor[neighbour] < 0:
                survivor[neighbour] = document


@allocating_kernel
def components(order, starts, neighbours, survivor, via):  # type: ignore[no-untyped-def]
    """As `star` for whole components: via[document] is the next document on a shortest path to the survivor."""
    queue = np.empty(order.size, dtype=np.int64)
    for place in range(order.size):
        root = order[place]
        if survivor[root] >= 0:
            continue
        survivor[root] = root
        via[root] = root
        queue[0] = root
        read, written = 0, 1
        while read < written:
            document = queue[read]
            read += 1
            for at in range(starts[document], starts[document + 1]):
                neighbour = neighbours[at]
                if survivor[neighbour] < 0:
                    survivor[neighbour] = root
                    via[neighbour] = document
                    queue[written] = neighbour
                    written += 1
