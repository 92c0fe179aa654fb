"""A real Ray cluster on this machine: two nodes of one core, each a raylet of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Start a cluster (a `ray.cluster_utils.Cluster`) and have RAY_ADDRESS name it while the block runs."""
    from ray.cluster_utils import Cluster

    # Ray's workers start beside no checkout.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        os.environ["RAY_ADDRESS"] = cluster.address
        yield cluster
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
        cluster.shutdown()
