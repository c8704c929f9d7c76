"""INSID3: segmentation with a frozen encoder and without a segmenter."""

from __future__ import annotations

from ntt.models.prototype_matching import PrototypeMatching


class INSID3(PrototypeMatching):
    """Class regions from clusters of patches (Cuttano et al., arXiv 2603.28480), split into instances.

    See :mod:`ntt.proposals.clusters` for the steps of the paper and :mod:`ntt.matching.splitting` for the
    splitting.
    """
