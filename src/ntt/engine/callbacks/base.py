"""Base class of the callbacks that process the images of ``test`` one by one."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from pytorch_lightning import Callback

from ntt.data.samples import Targets
from ntt.engine.data import ImageResult
from ntt.engine.stages import Stages


class ImageCallback(Callback, ABC):
    """Callback that receives one target image at a time with its results, independent of the batch size.

    Another process, or one that has since been killed, may have processed an image. Data needed for the
    summary is therefore returned as a note, which :class:`ntt.engine.recorder.Recorder` stores on disk.
    """

    @abstractmethod
    def on_image_result(self, stages: Stages, result: ImageResult) -> Any:
        """Process one segmented image.

        Returns:
            A JSON-serializable note about the image, or None.
        """

    def summarise(self, stages: Stages, notes: Sequence[Any], unread: Sequence[int | str]) -> None:
        """Summarise the notes of all images. Called once, in one process, after the last image.

        Args:
            stages: Stages of that process.
            notes: Notes of all segmented images, in dataset order.
            unread: Ids of the images that could not be read.
        """


def file_names(targets: Targets) -> list[str]:
    """Return a unique PNG file name for each target image.

    The name is the stem of the image file; the image id is appended if an earlier image has the same stem.
    The names are the same in every process and do not depend on the progress of the run.
    """
    names: dict[str, str] = {}  # by case-folded name, for file systems that ignore case
    for entry in targets.entries:
        # File systems allow 255 bytes, and temporary files have longer names.
        name = entry.file.stem.encode(errors="replace")[:200].decode(errors="ignore")
        while name.casefold() in names:
            name += "_" + re.sub(r"[^\w.-]", "_", str(entry.image_id))  # an id may be a string, even a path
        names[name.casefold()] = f"{name}.png"
    return list(names.values())
