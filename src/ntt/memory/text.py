"""Tensors in JSON, to the last bit."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_text(tensor: Tensor) -> dict[str, Any]:
    """A float32 tensor as its shape and its bytes in base64."""
    values = tensor.float().contiguous().numpy(force=True).astype("<f4")
    return {"shape": list(tensor.shape), "float32": b64encode(values.tobytes()).decode("ascii")}


def from_text(content: Mapping[str, Any]) -> Tensor:
    """The tensor that ``as_text`` wrote."""
    values = np.frombuffer(b64decode(content["float32"]), dtype="<f4").astype(np.float32)
    return torch.from_numpy(values).reshape(content["shape"])
