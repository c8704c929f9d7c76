import json

import numpy as np
import pytest
from PIL import Image

from ntt.data.coco_reader import read_annotations
from ntt.data.converters import CocoBuilder
from ntt.data.masks import decode_mask

HEIGHT, WIDTH = 30, 40
SIDEWAYS = 6  # EXIF orientation


@pytest.fixture
def picture(tmp_path):
    """Save an image that is 40 x 30 pixels after the EXIF rotation."""

    def save(name, *, exif=None, size=(WIDTH, HEIGHT)):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        tags = Image.Exif()
        if exif is not None:
            tags[0x0112] = exif
        stored = size[::-1] if exif == SIDEWAYS else size
        Image.new("RGB", stored, (90, 90, 90)).save(file, exif=tags)
        return file

    return save


@pytest.fixture
def write(tmp_path):
    def save(name, text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text if isinstance(text, str) else json.dumps(text))
        return file

    return save


class Converted:
    """Result of a converter, read back as ``dataset=custom`` reads references."""

    def __init__(self, root, convert, *arguments):
        self.coco = CocoBuilder(root)
        convert(self.coco, *arguments)
        self.problems = [line.replace(f"{root}/", "") for line in self.coco.problems]
        self.content = json.loads(json.dumps(self.coco.content()))
        file = root.parent / f"{root.name}.coco.json"
        file.write_text(json.dumps(self.content))
        self.file = read_annotations(file, prompts=True).sound()

    @property
    def objects(self):
        """Image name, class and box of each object; None for an object of points only."""
        return [
            (self.file.images[a.image_id].file_name, self.file.categories[a.category_id], box)
            for a, box in zip(
                self.file.annotations, (a.get("bbox") for a in self.content["annotations"]), strict=True
            )
        ]

    @property
    def masks(self):
        """Masks of the objects that have one."""
        return [decode_mask(a.mask).numpy() for a in self.file.annotations if a.prompt is None]


@pytest.fixture
def converted(tmp_path):
    def call(convert, *arguments):
        return Converted(tmp_path, convert, *arguments)

    return call


@pytest.fixture
def rectangle():
    """Draw a mask of a rectangle: x, y, width, height."""

    def draw(x, y, width, height):
        mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
        mask[y : y + height, x : x + width] = True
        return mask

    return draw
