"""Removing from patch features what only says where in the image a patch lies.

Features of vision transformers, DINOv3's above all, carry a component that depends on position and not on
content, which hurts matching between images (Cuttano et al., *INSID3*, arXiv 2603.28480).
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

NOISE, BLACK = "noise", "black"
NOISE_IMAGES = 8
_SEED = 0


class PositionalDebias:
    """Projects the leading positional directions out of features.

    The directions are the leading right-singular vectors of the patch features of an image without content:
    what remains there depends on position.

    Args:
        rank: how many directions are removed; 0 removes none.
        cache: folder in which the directions are kept, by the fingerprint of the encoder; None keeps none.
        image: the image without content: ``black``, with its features centred, as INSID3 does; or ``noise``,
            the mean features of several images of noise.

    Raises:
        InputError: a negative rank, an unknown image.
    """

    def __init__(self, rank: int, cache: str | None = None, image: str = "noise") -> None:
        if rank < 0:
            raise InputError(f"encoder.debias.rank={rank} is negative: give 0 for none, or more")
        if image not in IMAGES:
            raise InputError(f"encoder.debias.image={image} is unknown: choose one of {', '.join(IMAGES)}")
        self.rank = rank
        self.image = image
        self.cache = Path(cache).expanduser() if cache else None
        self._basis: Tensor | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What makes a difference to features."""
        if self.rank and self.image == BLACK:
            return {"rank": self.rank, "image": BLACK}
        return {"rank": self.rank, "noise_images": NOISE_IMAGES if self.rank else 0}

    def check(self, name: str, embed_dim: int, patches: int) -> None:
        """Raise InputError unless so many directions exist and some of the features would remain."""
        most = min(embed_dim - 1, patches)
        if self.rank > most:
            raise InputError(f"encoder.debias.rank={self.rank} does not suit {name}: give at most {most}")

    def project_out(self, features: Tensor, basis: Tensor) -> Tensor:
        """``F - F V V^T`` of features ``(..., C)`` and an orthonormal basis ``(C, rank)``."""
        return features - (features @ basis) @ basis.mT

    def basis(
        self, features_of: Callable[[Tensor], Tensor], side: int, fingerprint: Callable[[], str], like: Tensor
    ) -> Tensor:
        """The positional directions ``(C, rank)``, found once, of the type and on the device of ``like``.

        Args:
            features_of: the encoder without debiasing, ``(B, 3, H, W)`` in [0, 1] -> ``(B, h, w, C)``.
            side: of the square image without content, in pixels.
            fingerprint: of the encoder; asked for only when needed, since it reads all weights.
            like: features to be debiased.
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
    """Mean patch features ``(P, C)`` of images of noise; what noise says of its content averages out."""
    generator = torch.Generator().manual_seed(_SEED)
    total: Tensor | int = 0
    for _ in range(NOISE_IMAGES):  # one at a time: memory as for one image, whatever the encoder's size
        noise = torch.rand(1, 3, side, side, generator=generator)
        total = total + features_of(noise.to(device))[0].cpu().double()  # mps has no doubles
    assert isinstance(total, Tensor)
    return total.flatten(0, 1)


@torch.no_grad()
def black_features(features_of: Callable[[Tensor], Tensor], side: int, device: torch.device) -> Tensor:
    """Centred patch features ``(P, C)`` of a black image, as in INSID3."""
    black = torch.zeros(1, 3, side, side, device=device)
    features = features_of(black)[0].cpu().double().flatten(0, 1)
    return features - features.mean(dim=0)


IMAGES = {NOISE: noise_features, BLACK: black_features}


def _leading_directions(matrix: Tensor, rank: int) -> Tensor:
    """Leading right-singular vectors of ``(P, C)`` as columns ``(C, rank)``."""
    _, _, directions = torch.linalg.svd(matrix, full_matrices=False)
    return directions[:rank].mT.float().contiguous()


def _load(file: Path) -> Tensor | None:
    try:
        return load_file(file)["basis"]
    except (SafetensorError, KeyError):  # an interrupted write: it is found again
        return None


def _save(basis: Tensor, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    save_file({"basis": basis}, part)
    part.replace(file)
