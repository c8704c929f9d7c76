"""Lossless conversion of float32 tensors to and from JSON."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_text(tensor: Tensor) -> dict[str, Any]:
    """Convert a float32 tensor to its shape and its base64-encoded bytes."""
    values = tensor.float().contiguous().numpy(force=True).astype("<f4")
    return {"shape": list(tensor.shape), "float32": b64encode(values.tobytes()).decode("ascii")}


def from_text(content: Mapping[str, Any]) -> Tensor:
    """Convert the output of ``as_text`` back to a tensor."""
    values = np.frombuffer(b64decode(content["float32"]), dtype="<f4").astype(np.float32)
    return torch.from_numpy(values).reshape(content["shape"])
