"""The grid method asked less: prompts go where the references' features are found."""

from __future__ import annotations

from ntt.models.prototype_matching import PrototypeMatching


class Guided(PrototypeMatching):
    """Proposals at points that resemble a class, labelled by the nearest class prototype."""
