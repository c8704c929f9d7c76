"""References become prototypes; saved and loaded as safetensors."""

from ntt.memory.bank import MemoryBank
from ntt.memory.crop import crop_reference
from ntt.memory.references import ReferenceMemory

__all__ = ["MemoryBank", "ReferenceMemory", "crop_reference"]
