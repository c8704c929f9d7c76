"""Files that are derived from other files."""

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
    """JSON file that is made from other files.

    Args:
        file: File to write.
    """

    def __init__(self, file: str | Path) -> None:
        self.file = Path(file)

    def lacking(self) -> list[str]:
        """See the base class."""
        return [] if self.file.is_file() else [f"{self.file}: will be made from the other files"]

    def provide(self) -> None:
        """See the base class."""
        print(f"Making {self.file}")
        write_json(self.file, self.content(), indent=None)

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """Return the content of the file."""


class VocAnnotations(Derived):
    """Image sets of PASCAL VOC in COCO format.

    Args:
        file: File to write.
        devkit: Folder that contains ``VOC2007`` and other years.
        splits: Image set (``trainval``) for each folder of a year.
    """

    def __init__(self, file: str | Path, devkit: str | Path, splits: Mapping[str, str]) -> None:
        super().__init__(file)
        self.devkit = Path(devkit)
        self.splits = dict(splits)

    def content(self) -> dict[str, Any]:
        """See the base class."""
        return voc_as_coco(self.devkit, self.splits)


class LvisMinival(Derived):
    """Images of the LVIS validation set that are in COCO val2017; the others are in train2017.

    Args:
        file: File to write.
        val: Path of ``lvis_v1_val.json``.
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
