"""References and targets from disk."""

from ntt.data.few_shot import FewShotDataset

__all__ = ["FewShotDataset"]
