"""Few centres for many vectors."""

from __future__ import annotations

import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor

_SEED = 0


def cluster(vectors: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """k-means, always with the same result.

    Args:
        vectors: ``(N, C)``, N at least 1.
        k: number of centres, at least 1.

    Returns:
        Centres ``(n, C)``, n at most k, none without a member, and the centre of each vector, ``(N,)`` int64;
        the vectors themselves if there are no more than k.
    """
    if len(vectors) <= k:
        return vectors, torch.arange(len(vectors))
    centres, members = kmeans2(vectors.double().numpy(), k, minit="++", rng=_SEED, missing="warn")
    used, members = torch.from_numpy(members).unique(return_inverse=True)
    return torch.from_numpy(centres).to(vectors)[used.long()], members
