"""Proposal strategies: mask proposals from segmenter prompts or from clusters of patches."""

from ntt.proposals.automatic import AutomaticMaskProposals
from ntt.proposals.base import ProposalStrategy
from ntt.proposals.clusters import ClusterProposals
from ntt.proposals.grid import GridProposals, NaiveGridProposals, grid_points
from ntt.proposals.guided import GuidedProposals
from ntt.proposals.joint import JointProposals

__all__ = [
    "AutomaticMaskProposals",
    "ClusterProposals",
    "GridProposals",
    "GuidedProposals",
    "JointProposals",
    "NaiveGridProposals",
    "ProposalStrategy",
    "grid_points",
]
