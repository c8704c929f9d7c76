"""Which prompts to ask the segmenter."""

from ntt.proposals.grid import GridProposals, grid_points

__all__ = ["GridProposals", "grid_points"]
