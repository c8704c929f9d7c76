"""Muon optimizer in float32.

``torch.optim.Muon`` orthogonalises in bfloat16. A CPU without bfloat16 arithmetic emulates it, and a step
then takes longer than the forward and backward pass of the nano models together.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

# Quintic polynomial of Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


class Muon(torch.optim.Optimizer):
    """Nesterov momentum that replaces the update of each matrix by the nearest semi-orthogonal matrix.

    Args:
        params: parameters, matrices only.
        lr: learning rate, scaled by ``sqrt(max(1, rows / columns))`` for each matrix.
        momentum: momentum of the running mean of gradients.
        weight_decay: decoupled weight decay.
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                mean = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
                mean.lerp_(matrix.grad, 1 - group["momentum"])
                update = orthogonalise(matrix.grad.lerp(mean, group["momentum"]))
                scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-group["lr"] * scale)


def orthogonalise(matrix: Tensor) -> Tensor:
    """Move a matrix's singular values close to 1 by Newton-Schulz iterations; keep its singular vectors."""
    a, b, c = COEFFICIENTS
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = wide / (wide.norm() + 1e-7)
    for _ in range(STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x
