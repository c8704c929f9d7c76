"""Which image sizes an encoder takes."""

from __future__ import annotations

from ntt.errors import InputError


def check_size(name: str, patch_size: int, height: int, width: int) -> None:
    """Raise InputError, naming the nearest valid sizes, unless the patch size divides both sides."""
    for side in (height, width):
        if side < patch_size or side % patch_size:
            below = max(side, 0) // patch_size * patch_size
            nearest = [size for size in (below, below + patch_size) if size > 0]
            raise InputError(
                f"img_size {side} does not suit {name}: its patch size {patch_size} must "
                f"divide it; the nearest valid sizes are {' and '.join(map(str, nearest))}"
            )
