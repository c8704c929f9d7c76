"""Positional debiasing of patch features.

Features of vision transformers, especially DINOv3, contain a component that depends on the patch position
and not on the content. It hurts matching between images (Cuttano et al., *INSID3*, arXiv 2603.28480).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ntt.errors import InputError
from ntt.options import Count

NOISE, BLACK = "noise", "black"
NOISE_IMAGES = 8
_SEED = 0


class PositionalDebias:
    """Project the leading positional directions out of features.

    The directions are the leading right-singular vectors of the patch features of an image without content,
    whose features depend on position only.

    Args:
        rank: number of directions to remove; 0 disables debiasing.
        cache: folder that stores the directions by encoder fingerprint; None disables caching.
        image: image without content: ``black`` uses centred features of a black image, as INSID3 does;
            ``noise`` uses the mean features of several noise images.

    Raises:
        InputError: negative rank or unknown image.
    """

    def __init__(self, rank: Count, cache: str | None = None, image: str = "noise") -> None:
        if rank < 0:
            raise InputError(f"encoder.debias.rank={rank} is negative: use 0 to disable debiasing, or more")
        if image not in IMAGES:
            raise InputError(f"encoder.debias.image={image} is unknown: choose one of {', '.join(IMAGES)}")
        self.rank = rank
        self.image = image
        self.cache = Path(cache).expanduser() if cache else None
        self._basis: Tensor | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """Settings that change the features; part of the encoder's fingerprint."""
        if self.rank and self.image == BLACK:
            return {"rank": self.rank, "image": BLACK}
        return {"rank": self.rank, "noise_images": NOISE_IMAGES if self.rank else 0}

    def check(self, name: str, embed_dim: int, patches: int) -> None:
        """Raise InputError if ``rank`` exceeds the available directions or would remove all features."""
        most = min(embed_dim - 1, patches)
        if self.rank > most:
            raise InputError(f"encoder.debias.rank={self.rank} is too large for {name}: use at most {most}")

    def project_out(self, features: Tensor, basis: Tensor) -> Tensor:
        """Compute ``F - F V V^T`` for features ``(..., C)`` and an orthonormal basis ``(C, rank)``."""
        return features - (features @ basis) @ basis.mT

    def basis(
        self, features_of: Callable[[Tensor], Tensor], side: int, fingerprint: Callable[[], str], like: Tensor
    ) -> Tensor:
        """Return the positional directions ``(C, rank)`` with dtype and device of ``like``; computed once.

        Args:
            features_of: encoder without debiasing, ``(B, 3, H, W)`` in [0, 1] -> ``(B, h, w, C)``.
            side: side in pixels of the square image without content.
            fingerprint: returns the encoder's fingerprint; called only if needed, because it reads all
                weights.
            like: features to debias.
        """
        if self._basis is None:
            file = self.cache / f"{fingerprint()}.safetensors" if self.cache else None
            self._basis = _load(file) if file and file.is_file() else None
            if self._basis is None:
                matrix = {BLACK: black_features, NOISE: noise_features}[self.image](
                    features_of, side, like.device
                )
                self._basis = _leading_directions(matrix, self.rank)
                if file:
                    _save(self._basis, file)
        self._basis = self._basis.to(like)
        return self._basis


@torch.no_grad()
def noise_features(features_of: Callable[[Tensor], Tensor], side: int, device: torch.device) -> Tensor:
    """Compute mean patch features ``(P, C)`` of noise images; averaging cancels their content."""
    generator = torch.Generator().manual_seed(_SEED)
    total: Tensor | int = 0
    for _ in range(NOISE_IMAGES):  # one at a time, to need no more memory than a single image
        noise = torch.rand(1, 3, side, side, generator=generator)
        total = total + features_of(noise.to(device))[0].cpu().double()  # mps does not support float64
    assert isinstance(total, Tensor)
    return total.flatten(0, 1)


@torch.no_grad()
def black_features(features_of: Callable[[Tensor], Tensor], side: int, device: torch.device) -> Tensor:
    """Compute centred patch features ``(P, C)`` of a black image, as in INSID3."""
    black = torch.zeros(1, 3, side, side, device=device)
    features = features_of(black)[0].cpu().double().flatten(0, 1)
    return features - features.mean(dim=0)


IMAGES = {NOISE: noise_features, BLACK: black_features}


def _leading_directions(matrix: Tensor, rank: int) -> Tensor:
    """Compute the leading right-singular vectors of ``(P, C)`` as columns ``(C, rank)``."""
    _, _, directions = torch.linalg.svd(matrix, full_matrices=False)
    return directions[:rank].mT.float().contiguous()


def _load(file: Path) -> Tensor | None:
    try:
        return load_file(file)["basis"]
    except (SafetensorError, KeyError):  # damaged cache file: the caller recomputes the directions
        return None


def _save(basis: Tensor, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    save_file({"basis": basis}, part)
    part.replace(file)
