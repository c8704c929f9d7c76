"""Converter of mask folders: ``masks/<class>/<name>.png`` for ``images/<name>.jpg``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from ntt.data.converters.coco import CocoBuilder, images_below, mask_shape
from ntt.data.images import image_sizes
from ntt.data.mask_images import read_masks
from ntt.errors import InputError


def convert_masks(coco: CocoBuilder, category: str, folder: str = "masks") -> None:
    """Add the objects in masks of the images below the root.

    The mask of the image ``<name>`` is named ``<name>`` or ``<name>_<anything>``, or is in a folder
    ``<name>``. A folder around it names the class. A mask contains one or several objects
    (``ntt.data.mask_images.read_masks``). Images without a mask are skipped.

    Args:
        coco: builder that collects the images and objects.
        category: class of masks outside class folders.
        folder: folder of the masks, relative to the root.

    Raises:
        InputError: there is no image or no mask.
    """
    home = coco.root / folder
    files = images_below(coco.root)
    images: dict[str, Path] = {}
    for file in files:
        if not file.is_relative_to(home):
            with coco.noting(file):
                if file.stem in images:
                    raise ValueError(f"has the same name as {images[file.stem]}")
                images[file.stem] = file
    masks = [file for file in files if file.is_relative_to(home)]
    if not masks:
        raise InputError(f"{home}: contains no mask; add <class>/<name>.png")
    found: defaultdict[Path, list[tuple[str, Path]]] = defaultdict(list)
    for file in masks:
        with coco.noting(file):
            name, said = _belonging(file.relative_to(home), images)
            found[images[name]].append((said or category, file))
    coco.left_out["image without a mask"] = len(images) - len(found)
    for image, parts in found.items():
        _add(coco, image, parts)


def _add(coco: CocoBuilder, image_file: Path, parts: list[tuple[str, Path]]) -> None:
    """Add an image with the size of its first mask, and its objects."""
    image = None
    for category, file in parts:
        with coco.noting(file):
            size = image_sizes(file)[1]
            image = image or coco.add_image(image_file, size)
            if size != (image["height"], image["width"]):
                raise ValueError("differs in size from the other masks of the image")
            for mask in read_masks(file):
                coco.add_object(image, category, mask_shape(mask))


def _belonging(mask: Path, names: Collection[str]) -> tuple[str, str | None]:
    """Return the name of a mask's image, and the name of its class folder, if any."""
    *folders, last = mask.with_suffix("").parts
    for place, folder in enumerate(folders[:2]):
        if folder in names:
            return folder, folders[0] if place else None
    pieces = last.split("_")
    for count in range(len(pieces), 0, -1):
        name = "_".join(pieces[:count])
        if name in names:
            return name, folders[0] if folders else None
    raise ValueError("its name matches no image")
