"""In which precision numbers are computed."""

from __future__ import annotations

import torch


def as_given(device: torch.device) -> torch.autocast:
    """Compute in the precision of the tensors inside the block, whatever a trainer asks of the networks.

    ``trainer.precision=bf16-mixed`` wraps whole stages, and eight bits are too few to rank what is alike.
    """
    return torch.autocast(device.type, enabled=False)
