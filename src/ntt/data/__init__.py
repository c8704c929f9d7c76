"""References and targets from disk."""

from ntt.data.few_shot import FewShotDataset
from ntt.data.folder import FolderDataset

__all__ = ["FewShotDataset", "FolderDataset"]
