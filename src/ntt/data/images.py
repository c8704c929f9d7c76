"""Reading pictures of every kind as RGB tensors."""

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
SIDEWAYS = (5, 6, 7, 8)  # its values that swap width and height
# Modes of one number a pixel that do not fit into a byte, and the number that is white.
DEEP_MODES = {"I;16": 65535, "I;16B": 65535, "I;16L": 65535, "I;16N": 65535, "I": 65535, "F": 1}
VOID = 255  # what PASCAL VOC and DAVIS paint borders with, in pictures of masks that have a palette
WHITE = 255

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # half the limit is no danger


def limit_pictures(megapixels: float) -> None:
    """Refuse larger pictures from now on, in this process and those that are forked from it.

    Args:
        megapixels: millions of pixels.

    Raises:
        InputError: that is none.
    """
    if not megapixels > 0:
        raise InputError(f"max_megapixels is {megapixels}; make it a number above 0")
    Image.MAX_IMAGE_PIXELS = round(megapixels * 1e6 / 2)  # of which Pillow warns; it refuses twice as many


def read_image(file: Path, annotated_size: Size | None = None) -> Tensor:
    """Read a picture the way it is looked at.

    The EXIF rotation is applied, unless only the picture as stored has the size that was annotated. Grey,
    palette, 16-bit and CMYK pictures become RGB; white shows through where they are transparent.

    Args:
        file: of any format that Pillow reads.
        annotated_size: height and width in the annotation file, if there is one.

    Returns:
        ``(3, H, W)`` float in [0, 1].

    Raises:
        InputError: the file is absent or unreadable.
    """
    with _opened(file) as stored:
        upright = ImageOps.exif_transpose(stored)
        keep = annotated_size == _size(stored) and annotated_size != _size(upright)
        return _as_tensor(stored if keep else upright)


def read_picture(picture: Image.Image) -> Tensor:
    """The same of an open picture.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return _as_tensor(ImageOps.exif_transpose(picture))
    except Exception as error:  # as for files: Pillow's readers fail in more ways than can be listed
        raise InputError(f"this picture cannot be read ({error}); replace it") from error


def read_masks(file: Path) -> Iterator[Tensor]:
    """Read a picture of masks: what is black or transparent is background.

    Each colour of a palette is an object, but for its last, 255, which marks borders; so is each value of a
    grey picture that has the values 1, 2, 3 and so on without a gap. Otherwise all that is not background is
    one object: soft edges have many values.

    Yields:
        ``(H, W)`` bool, never empty; nothing where all is background.

    Raises:
        InputError: the file is absent or unreadable.
    """
    with _opened(file) as stored:
        numbers = _object_numbers(stored)
    for number in np.unique(numbers[numbers > 0]):
        yield torch.from_numpy(numbers == number)


def image_sizes(file: Path, whole: bool = False) -> tuple[Size, Size]:
    """Height and width of a picture as looked at, and as stored; reads the header only, unless ``whole``.

    Raises:
        InputError: the file is absent or no picture.
    """
    with _opened(file) as stored:
        if whole:
            stored.load()
        height, width = _size(stored)
        sideways = stored.getexif().get(ORIENTATION) in SIDEWAYS
    return ((width, height) if sideways else (height, width)), (height, width)


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(file) as picture:
            yield picture
    except FileNotFoundError:
        raise InputError(f"{file}: no such picture; correct the path or put the file there") from None
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise InputError(
            f"{file}: has more than {limit:g} million pixels; make it smaller or raise max_megapixels"
        ) from error
    except Exception as error:  # damaged files make Pillow's readers fail in more ways than can be listed
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{file}: cannot be read as a picture ({reason}); replace it") from error


def _as_tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(_to_rgb(picture, "white")).permute(2, 0, 1).float() / 255


def _size(picture: Image.Image) -> Size:
    return picture.height, picture.width


def _object_numbers(picture: Image.Image) -> NDArray[np.int64]:
    """``(H, W)``: which object each pixel is of, 0 for none."""
    colours = _to_rgb(picture, "black")
    inside, grey = colours.any(axis=2), (colours == colours[:, :, :1]).all()
    if picture.mode == "P" and not grey:
        indices = np.asarray(picture).astype(np.int64)
        return np.where(inside & (indices != VOID), indices + 1, 0)
    deep = picture.mode in DEEP_MODES
    values = np.asarray(picture) if deep else colours[:, :, 0]
    found = np.unique(values[inside])
    counted = np.array_equal(found, np.arange(1, len(found) + 1)) and (deep or len(found) < WHITE)
    return np.where(inside, values if grey and counted else 1, 0).astype(np.int64)


def _to_rgb(picture: Image.Image, behind: str) -> NDArray[np.uint8]:
    """``(H, W, 3)``, writable; the colour ``behind`` shows through where the picture is transparent."""
    if picture.mode in DEEP_MODES:
        grey = np.asarray(picture, dtype=np.float64) / DEEP_MODES[picture.mode]
        levels = np.ceil(np.nan_to_num(grey.clip(0, 1)) * 255).astype(np.uint8)  # only 0 is black
        return np.repeat(levels[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, behind), picture)
    return np.array(picture.convert("RGB"))
