"""Which prompts to ask the segmenter."""

from ntt.proposals.automatic import AutomaticMaskProposals
from ntt.proposals.base import ProposalStrategy
from ntt.proposals.grid import GridProposals, grid_points
from ntt.proposals.guided import GuidedProposals
from ntt.proposals.naive import NaiveGridProposals

__all__ = [
    "AutomaticMaskProposals",
    "GridProposals",
    "GuidedProposals",
    "NaiveGridProposals",
    "ProposalStrategy",
    "grid_points",
]
