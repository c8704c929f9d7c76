"""Numerical precision."""

from __future__ import annotations

import torch


def as_given(device: torch.device) -> torch.autocast:
    """Disable autocast inside the block, so that operations use the precision of their tensors.

    ``trainer.precision=bf16-mixed`` applies autocast to whole stages, but the 8 significant bits of bfloat16
    are too few to rank similar values.
    """
    return torch.autocast(device.type, enabled=False)
