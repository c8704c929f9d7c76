"""Reference memory: reference features and class prototypes, stored as safetensors."""

from ntt.memory.bank import MemoryBank, cluster
from ntt.memory.crop import crop_reference
from ntt.memory.references import ReferenceMemory

__all__ = ["MemoryBank", "ReferenceMemory", "cluster", "crop_reference"]
