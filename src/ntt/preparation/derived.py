"""Files that are made of others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ntt.data.json_files import stream_entries
from ntt.data.voc import voc_as_coco
from ntt.files import write_json
from ntt.preparation.base import Need


class Derived(Need):
    """A JSON file that is made once.

    Args:
        file: the one to make.
    """

    def __init__(self, file: str | Path) -> None:
        self.file = Path(file)

    def lacking(self) -> list[str]:
        """See the base class."""
        return [] if self.file.is_file() else [f"{self.file}: is to be made of what else is there"]

    def provide(self) -> None:
        """See the base class."""
        print(f"Making {self.file}")
        write_json(self.file, self.content(), indent=None)

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """What is in it."""


class VocAnnotations(Derived):
    """Image sets of PASCAL VOC in COCO's format.

    Args:
        file: the one to make.
        devkit: holds ``VOC2007`` and the like.
        splits: the image set (``trainval``) of each year's folder.
    """

    def __init__(self, file: str | Path, devkit: str | Path, splits: Mapping[str, str]) -> None:
        super().__init__(file)
        self.devkit = Path(devkit)
        self.splits = dict(splits)

    def content(self) -> dict[str, Any]:
        """See the base class."""
        return voc_as_coco(self.devkit, self.splits)


class LvisMinival(Derived):
    """Those images of LVIS's validation set that are in COCO's, val2017; the others are in train2017.

    Args:
        file: the one to make.
        val: ``lvis_v1_val.json``.
    """

    def __init__(self, file: str | Path, val: str | Path) -> None:
        super().__init__(file)
        self.val = Path(val)

    def content(self) -> dict[str, Any]:
        """See the base class."""
        content: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": [], "categories": []}
        for key, entry in stream_entries(self.val):
            if key in content and (key != "images" or "/val2017/" in entry["coco_url"]):
                content[key].append(entry)
        kept = {image["id"] for image in content["images"]}
        content["annotations"] = [each for each in content["annotations"] if each["image_id"] in kept]
        return content
