"""Datasets of references and targets, read from disk."""

from ntt.data.few_shot import FewShotDataset
from ntt.data.folder import FolderDataset
from ntt.data.protocols import ProtocolDataset, Sampler
from ntt.data.validation import pick

__all__ = ["FewShotDataset", "FolderDataset", "ProtocolDataset", "Sampler", "pick"]
