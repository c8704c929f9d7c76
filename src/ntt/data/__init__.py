"""Datasets of references and targets, read from disk."""

from ntt.data.choices import pick
from ntt.data.few_shot import FewShotDataset
from ntt.data.folder import FolderDataset
from ntt.data.protocol import ProtocolDataset
from ntt.data.sampling import Sampler

__all__ = ["FewShotDataset", "FolderDataset", "ProtocolDataset", "Sampler", "pick"]
