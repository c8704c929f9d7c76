"""Grid method with fewer prompts, placed by similarity to the references."""

from __future__ import annotations

from ntt.models.prototype_matching import PrototypeMatching


class Guided(PrototypeMatching):
    """Proposals at points similar to a class, labelled by the nearest class prototype."""
