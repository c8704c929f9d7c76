"""The grid method of *No time to train!* (Espinosa et al., arXiv 2507.02798)."""

from __future__ import annotations

from ntt.models.prototype_matching import PrototypeMatching


class Sam2MatchingBaselineNoAMG(PrototypeMatching):
    """Point-grid proposals of SAM 2, labelled by the nearest class prototype."""
