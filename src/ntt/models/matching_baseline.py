"""The baseline of *No time to train!* (Espinosa et al., arXiv 2507.02798) with automatic masks."""

from __future__ import annotations

from ntt.models.prototype_matching import PrototypeMatching


class Sam2MatchingBaseline(PrototypeMatching):
    """Proposals of SAM 2's automatic mask generator, each scored for every class."""
