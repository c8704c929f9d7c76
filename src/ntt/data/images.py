"""Reading of images in all Pillow formats as RGB tensors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from ntt.errors import InputError

Size = tuple[int, int]  # height, width

ORIENTATION = 0x0112  # EXIF tag
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
# Single-channel modes with more than 8 bits, and their value of white.
DEEP_MODES = {"I;16": 65535, "I;16B": 65535, "I;16L": 65535, "I;16N": 65535, "I": 65535, "F": 1}

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # emitted at half the limit


def limit_image_size(megapixels: float) -> None:
    """Set the maximum image size for this process and the processes forked from it.

    Args:
        megapixels: maximum size in millions of pixels, above 0.

    Raises:
        InputError: ``megapixels`` is not above 0.
    """
    if not megapixels > 0:
        raise InputError(f"max_megapixels must be above 0, got {megapixels}")
    Image.MAX_IMAGE_PIXELS = round(megapixels * 1e6 / 2)  # Pillow raises at twice this size


def read_image(file: Path, annotated_size: Size | None = None) -> Tensor:
    """Read an image as RGB.

    The EXIF rotation is applied, unless only the unrotated image has the annotated size. Grey, palette,
    16-bit and CMYK images are converted to RGB; transparent pixels are blended with white.

    Args:
        file: image in any format that Pillow reads.
        annotated_size: height and width in the annotation file, if any.

    Returns:
        ``(3, H, W)`` float in [0, 1].

    Raises:
        InputError: the file is missing or unreadable.
    """
    with opened(file) as stored:
        upright = ImageOps.exif_transpose(stored)
        keep = annotated_size == _size(stored) and annotated_size != _size(upright)
        return _as_tensor(stored if keep else upright)


def convert_image(image: Image.Image) -> Tensor:
    """Convert an open Pillow image as ``read_image`` does.

    Raises:
        InputError: the image cannot be read.
    """
    try:
        return _as_tensor(ImageOps.exif_transpose(image))
    except Exception as error:  # as in opened: Pillow raises many types of exceptions
        raise InputError(f"this image cannot be read ({error}); replace it") from error


def image_sizes(file: Path, whole: bool = False) -> tuple[Size, Size]:
    """Return height and width of an image after and before the EXIF rotation.

    Args:
        file: image file.
        whole: decode the image instead of reading only its header.

    Raises:
        InputError: the file is missing or not an image.
    """
    with opened(file) as stored:
        if whole:
            stored.load()
        height, width = _size(stored)
        sideways = stored.getexif().get(ORIENTATION) in SIDEWAYS
    return ((width, height) if sideways else (height, width)), (height, width)


@contextmanager
def opened(file: Path) -> Iterator[Image.Image]:
    """Open an image file with Pillow.

    Raises:
        InputError: the file is missing, unreadable or too large, also while it is decoded in the block.
    """
    try:
        with Image.open(file) as image:
            yield image
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{file}: image not found; correct the path or add the file") from None
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise InputError(
            f"{file}: has more than {limit:g} million pixels; resize it or raise max_megapixels"
        ) from error
    except Exception as error:  # Pillow raises many types of exceptions for damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{file}: cannot be read as an image ({reason}); replace it") from error


def _as_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(to_rgb(image, "white")).permute(2, 0, 1).float() / 255


def _size(image: Image.Image) -> Size:
    return image.height, image.width


def to_rgb(image: Image.Image, behind: str) -> NDArray[np.uint8]:
    """Convert to a writable ``(H, W, 3)`` array, blending transparent pixels with the colour ``behind``."""
    if image.mode in DEEP_MODES:
        grey = np.asarray(image, dtype=np.float64) / DEEP_MODES[image.mode]
        levels = np.ceil(np.nan_to_num(grey.clip(0, 1)) * 255).astype(np.uint8)  # round up: only 0 is black
        return np.repeat(levels[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, behind), image)
    return np.array(image.convert("RGB"))
