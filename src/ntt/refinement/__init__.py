"""Refinement of predicted instance masks."""

from ntt.refinement.base import NoRefinement, Refiner
from ntt.refinement.grabcut import GrabCut
from ntt.refinement.prompted import PromptedRefinement

__all__ = ["GrabCut", "NoRefinement", "PromptedRefinement", "Refiner"]
