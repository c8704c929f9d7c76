"""Images and video frames from Python programs: paths, PIL images, NumPy arrays and torch tensors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ntt.data.folder import MASK_ENDING
from ntt.data.images import read_image, read_picture
from ntt.data.samples import is_picture, pictures_in
from ntt.errors import InputError
from ntt.video import VideoFile

Picture: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[np.uint8] | Tensor
KINDS = "a path, a PIL image, a uint8 array (H, W, 3) or a float tensor (3, H, W) in [0, 1]"


@dataclass(frozen=True)
class OpenPicture:
    """An image to segment.

    Attributes:
        image: ``(3, H, W)`` float in [0, 1], RGB.
        image_id: file name, or for pixels the index of the image, from 0.
        path: file path; None for pixels.
    """

    image: Tensor
    image_id: int | str
    path: Path | None


def open_picture(picture: Picture, number: int = 0) -> OpenPicture:
    """Read an image to segment; ``number`` is its index.

    Raises:
        InputError: see ``as_tensor``.
    """
    if isinstance(picture, str | os.PathLike):
        path = Path(picture)
        return OpenPicture(read_image(path), path.name, path)
    return OpenPicture(as_tensor(picture, f"image {number}"), number, None)


def as_tensor(picture: Picture, called: str) -> Tensor:
    """Convert an image to a tensor, applying the EXIF rotation.

    Args:
        picture: a path; a PIL image of any mode; RGB ``(H, W, 3)`` uint8; RGB ``(3, H, W)`` float in [0, 1].
        called: name of the image in error messages.

    Returns:
        ``(3, H, W)`` float32 in [0, 1], RGB; a tensor stays on its device.

    Raises:
        InputError: the image cannot be read, or has another type, shape or value range.
    """
    if isinstance(picture, str | os.PathLike):
        return read_image(Path(picture))
    if isinstance(picture, Image.Image):
        return read_picture(picture)
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise InputError(f"{called} is a {picture.dtype} array of shape {picture.shape}; pass {KINDS}")
        return torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
    if isinstance(picture, Tensor):
        shape = tuple(picture.shape)
        if not picture.is_floating_point() or len(shape) != 3 or shape[0] != 3 or not picture.numel():
            raise InputError(f"{called} is a {picture.dtype} tensor of shape {shape}; pass {KINDS}")
        low, high = float(picture.min()), float(picture.max())
        if not (low >= 0 and high <= 1):
            raise InputError(f"{called} has values from {low:g} to {high:g}; scale them to [0, 1]")
        return picture.detach().float()
    raise InputError(f"{called} is a {type(picture).__name__}; pass {KINDS}")


def is_single(pictures: object) -> bool:
    """Return whether the argument is a single image, not a folder, pattern or iterable of images."""
    if isinstance(pictures, str | os.PathLike):
        return not Path(pictures).is_dir() and not _is_pattern(os.fspath(pictures))
    return isinstance(pictures, Image.Image | np.ndarray | Tensor)


def several(pictures: Any) -> Iterable[Picture]:
    """Return the images of a folder, a pattern or an iterable.

    Raises:
        InputError: there is no image, or the argument has another type.
    """
    if isinstance(pictures, str | os.PathLike):
        return find_pictures(pictures)
    if not isinstance(pictures, Iterable):
        raise InputError(f"cannot segment a {type(pictures).__name__}; pass {KINDS}, or several of them")
    if isinstance(pictures, Sized) and not len(pictures):
        raise InputError("there is no image to segment: the list is empty; pass at least one image")
    return pictures


def find_pictures(images: str | os.PathLike[str]) -> list[Path]:
    """List the images of a folder or pattern (``photos/**/*.jpg``) by name; or the given file.

    ``<name>_mask.png`` is excluded if an image ``<name>`` exists.

    Raises:
        InputError: there is no image.
    """
    path, text = Path(images), os.fspath(images)
    if path.is_dir():
        return _without_masks(pictures_in(path))
    if not _is_pattern(text):
        if not path.is_file():
            raise InputError(f"{path}: image or folder not found; correct the path")
        return [path]
    found = sorted(filter(is_picture, map(Path, glob(text, recursive=True))))  # noqa: PTH207 - patterns may be absolute
    if not found:
        raise InputError(f"{text}: no image matches the pattern; correct it")
    return _without_masks(found)


def _without_masks(files: list[Path]) -> list[Path]:
    pictures = {file.with_suffix("") for file in files}
    return [
        file
        for file in files
        if not file.stem.endswith(MASK_ENDING)
        or file.with_name(file.stem.removesuffix(MASK_ENDING)) not in pictures
    ]


def _is_pattern(text: str) -> bool:
    return has_magic(text) and not Path(text).exists()


Video: TypeAlias = str | os.PathLike[str] | VideoFile | Iterable[Picture]
Frame: TypeAlias = tuple[float, OpenPicture]  # time in seconds, and the frame; its image_id is its number


def open_frames(video: Video) -> Iterator[Frame]:
    """Iterate over the frames of a video file, or over images of one size: a list, generator or folder.

    The images of a folder are ordered by name.

    Raises:
        InputError: the file does not exist or there is no image; during iteration, a frame is unreadable or
            differs in size from the first.
    """
    if isinstance(video, str | os.PathLike) and not Path(video).is_dir():
        video = VideoFile(Path(video))
    if isinstance(video, VideoFile):
        return _of_file(video)
    return _of_pictures(several(video))


def _of_file(video: VideoFile) -> Iterator[Frame]:
    for number, (seconds, pixels) in enumerate(video):
        yield seconds, OpenPicture(as_tensor(pixels, f"frame {number}"), number, None)


def _of_pictures(pictures: Iterable[Picture]) -> Iterator[Frame]:
    first: Tensor | None = None
    for number, picture in enumerate(pictures):
        opened = open_picture(picture, number)
        first = opened.image if first is None else first
        if opened.image.shape != first.shape:
            sizes = [f"{image.shape[2]} x {image.shape[1]}" for image in (opened.image, first)]
            raise InputError(
                f"frame {number} is {sizes[0]} pixels, the frames before {sizes[1]}; resize all to one size"
            )
        yield float(number), OpenPicture(opened.image, number, opened.path)
    if first is None:
        raise InputError("there is no frame to segment; pass at least one")
