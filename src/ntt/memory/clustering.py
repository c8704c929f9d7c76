"""k-means clustering with a fixed seed."""

from __future__ import annotations

import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor

_SEED = 0


def cluster(vectors: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Cluster vectors with deterministic k-means.

    Args:
        vectors: ``(N, C)``, N at least 1.
        k: number of centres, at least 1.

    Returns:
        Non-empty centres ``(n, C)`` with n <= k, and the index of each vector's centre, ``(N,)`` int64. If
        N <= k, the centres are the vectors themselves.
    """
    if len(vectors) <= k:
        return vectors, torch.arange(len(vectors))
    centres, members = kmeans2(vectors.double().numpy(), k, minit="++", rng=_SEED, missing="warn")
    used, members = torch.from_numpy(members).unique(return_inverse=True)
    return torch.from_numpy(centres).to(vectors)[used.long()], members
