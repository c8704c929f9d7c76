"""INSID3: one frozen encoder, no segmenter."""

from __future__ import annotations

from ntt.models.prototype_matching import PrototypeMatching


class INSID3(PrototypeMatching):
    """Class regions from clusters of patches (Cuttano et al., arXiv 2603.28480), split into instances.

    The steps of the paper are in :mod:`ntt.proposals.clusters`, the split in :mod:`ntt.matching.splitting`.
    """
