"""Which prompts to ask the segmenter."""

from ntt.proposals.base import ProposalStrategy
from ntt.proposals.grid import GridProposals, grid_points
from ntt.proposals.guided import GuidedProposals

__all__ = ["GridProposals", "GuidedProposals", "ProposalStrategy", "grid_points"]
