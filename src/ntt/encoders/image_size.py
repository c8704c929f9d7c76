"""Validation of encoder image sizes."""

from __future__ import annotations

from ntt.errors import InputError


def check_size(name: str, patch_size: int, height: int, width: int) -> None:
    """Raise InputError, listing the nearest valid sizes, unless the patch size divides both sides."""
    for side in (height, width):
        if side < patch_size or side % patch_size:
            below = max(side, 0) // patch_size * patch_size
            nearest = [size for size in (below, below + patch_size) if size > 0]
            raise InputError(
                f"img_size {side} is invalid for {name}: it must be a multiple of the patch size "
                f"{patch_size}; the nearest valid sizes are {' and '.join(map(str, nearest))}"
            )
