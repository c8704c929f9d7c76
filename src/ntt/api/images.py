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
from ntt.data.images import convert_image, read_image
from ntt.data.samples import images_in, is_image_file
from ntt.errors import InputError
from ntt.video import VideoFile

ImageLike: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[np.uint8] | Tensor
IMAGE_FORMS = "a path, a PIL image, a uint8 array (H, W, 3) or a float tensor (3, H, W) in [0, 1]"


@dataclass(frozen=True)
class OpenImage:
    """An image to segment.

    Attributes:
        image: ``(3, H, W)`` float in [0, 1], RGB.
        image_id: file name, or for pixels the index of the image, from 0.
        path: file path; None for pixels.
    """

    image: Tensor
    image_id: int | str
    path: Path | None


def open_image(image: ImageLike, number: int = 0) -> OpenImage:
    """Read an image to segment; ``number`` is its index.

    Raises:
        InputError: see ``as_tensor``.
    """
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        return OpenImage(read_image(path), path.name, path)
    return OpenImage(as_tensor(image, f"image {number}"), number, None)


def as_tensor(image: ImageLike, called: str) -> Tensor:
    """Convert an image to a tensor, applying the EXIF rotation.

    Args:
        image: a path; a PIL image of any mode; RGB ``(H, W, 3)`` uint8; RGB ``(3, H, W)`` float in [0, 1].
        called: name of the image in error messages.

    Returns:
        ``(3, H, W)`` float32 in [0, 1], RGB; a tensor stays on its device.

    Raises:
        InputError: the image cannot be read, or has another type, shape or value range.
    """
    if isinstance(image, str | os.PathLike):
        return read_image(Path(image))
    if isinstance(image, Image.Image):
        return convert_image(image)
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InputError(f"{called} is a {image.dtype} array of shape {image.shape}; pass {IMAGE_FORMS}")
        return torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255
    if isinstance(image, Tensor):
        shape = tuple(image.shape)
        if not image.is_floating_point() or len(shape) != 3 or shape[0] != 3 or not image.numel():
            raise InputError(f"{called} is a {image.dtype} tensor of shape {shape}; pass {IMAGE_FORMS}")
        low, high = float(image.min()), float(image.max())
        if not (low >= 0 and high <= 1):
            raise InputError(f"{called} has values from {low:g} to {high:g}; scale them to [0, 1]")
        return image.detach().float()
    raise InputError(f"{called} is a {type(image).__name__}; pass {IMAGE_FORMS}")


def is_single(images: object) -> bool:
    """Return whether the argument is a single image, not a folder, pattern or iterable of images."""
    if isinstance(images, str | os.PathLike):
        return not Path(images).is_dir() and not _is_pattern(os.fspath(images))
    return isinstance(images, Image.Image | np.ndarray | Tensor)


def several(images: Any) -> Iterable[ImageLike]:
    """Return the images of a folder, a pattern or an iterable.

    Raises:
        InputError: there is no image, or the argument has another type.
    """
    if isinstance(images, str | os.PathLike):
        return find_images(images)
    if not isinstance(images, Iterable):
        raise InputError(f"cannot segment a {type(images).__name__}; pass {IMAGE_FORMS}, or several of them")
    if isinstance(images, Sized) and not len(images):
        raise InputError("there is no image to segment: the list is empty; pass at least one image")
    return images


def find_images(images: str | os.PathLike[str]) -> list[Path]:
    """List the images of a folder or pattern (``photos/**/*.jpg``) by name; or the given file.

    ``<name>_mask.png`` is excluded if an image ``<name>`` exists.

    Raises:
        InputError: there is no image.
    """
    path, text = Path(images), os.fspath(images)
    if path.is_dir():
        return _without_masks_of_images(images_in(path))
    if not _is_pattern(text):
        if not path.is_file():
            raise InputError(f"{path}: image or folder not found; correct the path")
        return [path]
    found = sorted(filter(is_image_file, map(Path, glob(text, recursive=True))))  # noqa: PTH207 - patterns may be absolute
    if not found:
        raise InputError(f"{text}: no image matches the pattern; correct it")
    return _without_masks_of_images(found)


def _without_masks_of_images(files: list[Path]) -> list[Path]:
    images = {file.with_suffix("") for file in files}
    return [
        file
        for file in files
        if not file.stem.endswith(MASK_ENDING)
        or file.with_name(file.stem.removesuffix(MASK_ENDING)) not in images
    ]


def _is_pattern(text: str) -> bool:
    return has_magic(text) and not Path(text).exists()


Video: TypeAlias = str | os.PathLike[str] | VideoFile | Iterable[ImageLike]
Frame: TypeAlias = tuple[float, OpenImage]  # time in seconds, and the frame; its image_id is its number


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
    return _of_images(several(video))


def _of_file(video: VideoFile) -> Iterator[Frame]:
    for number, (seconds, pixels) in enumerate(video):
        yield seconds, OpenImage(as_tensor(pixels, f"frame {number}"), number, None)


def _of_images(images: Iterable[ImageLike]) -> Iterator[Frame]:
    first: Tensor | None = None
    for number, image in enumerate(images):
        opened = open_image(image, number)
        first = opened.image if first is None else first
        if opened.image.shape != first.shape:
            sizes = [f"{tensor.shape[2]} x {tensor.shape[1]}" for tensor in (opened.image, first)]
            raise InputError(
                f"frame {number} is {sizes[0]} pixels, the frames before {sizes[1]}; resize all to one size"
            )
        yield float(number), OpenImage(opened.image, number, opened.path)
    if first is None:
        raise InputError("there is no frame to segment; pass at least one")
