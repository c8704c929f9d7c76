import json

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 30, 40
SQUARE = [[4, 4, 14, 4, 14, 14, 4, 14]]


def annotation(identity, image_id, category_id, segmentation=SQUARE, **more):
    return {
        "id": identity,
        "image_id": image_id,
        "category_id": category_id,
        "segmentation": segmentation,
        **more,
    }


class CocoFolder:
    """Two COCO files with their images; tests may modify them before they call ``dataset``."""

    def __init__(self, root):
        self.root = root
        self.references = self._part("references", 3, {7: "cup", 2: "pen"})
        self.references["annotations"] = [
            annotation(1, 10, 7),
            annotation(2, 20, 7, [[0, 0, 8, 0, 8, 8, 0, 8], [20, 20, 26, 20, 26, 26, 20, 26]]),
            annotation(5, 20, 2),
            annotation(
                4, 30, 2, {"size": [HEIGHT, WIDTH], "counts": [0, HEIGHT, HEIGHT * (WIDTH - 1)]}, iscrowd=1
            ),
            annotation(3, 30, 2),
        ]
        self.targets = self._part("targets", 3, {1: "pen", 5: "hat", 9: "cup"})
        self.targets["annotations"] = [
            annotation(1, 10, 9),
            annotation(2, 10, 5),
            annotation(3, 30, 1),
            annotation(4, 30, 9, [[0, 0, 20, 0, 20, 20, 0, 20]], iscrowd=1),
        ]

    def _part(self, name, count, categories):
        (self.root / name).mkdir()
        images = []
        for number in range(1, count + 1):
            pixels = np.full((HEIGHT, WIDTH, 3), 40 * number, dtype=np.uint8)
            Image.fromarray(pixels).save(self.root / name / f"{number}.png")
            entry = {"id": 10 * number, "file_name": f"{number}.png", "height": HEIGHT, "width": WIDTH}
            images.append(entry)
        return {
            "images": images,
            "annotations": [],
            "categories": [{"id": identity, "name": name} for identity, name in categories.items()],
        }

    def dataset(self, **changes):
        from ntt.data import FewShotDataset

        (self.root / "references.json").write_text(json.dumps(self.references))
        (self.root / "targets.json").write_text(json.dumps(self.targets))
        arguments = {
            "reference_file": self.root / "references.json",
            "reference_images": self.root / "references",
            "target_file": self.root / "targets.json",
            "target_images": self.root / "targets",
        }
        return FewShotDataset(**{**arguments, **changes})


@pytest.fixture
def coco(tmp_path):
    return CocoFolder(tmp_path)
