import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ntt.api import Segmentation
from ntt.reporting.prediction_folder import PredictionFolder

MASKS = torch.zeros(2, 20, 30, dtype=torch.bool)
MASKS[0, 2:8, 3:9] = MASKS[1, 10:15, 20:28] = True


def found(path):
    boxes = torch.tensor([[3.0, 2, 9, 8], [20, 10, 28, 15]])
    pixels = np.full((20, 30, 3), 128, np.uint8)
    parts = MASKS, boxes, torch.tensor([0.9, 0.8]), torch.tensor([1, 0])
    return Segmentation(*parts, ("cup", "tea/pot"), pixels, path.name, path)


def test_pictures_of_one_name_are_told_apart(tmp_path):
    names = ["a.jpg", "a.png", "b/A.jpg", "a_2.jpg"]
    with PredictionFolder(tmp_path, ("cup", "tea/pot"), Path("in")) as folder:
        for name in names:
            folder.add(found(Path("in", name)))
    stems = {"a", "a_2", "A_3", "a_2_2"}
    assert {path.stem for path in (tmp_path / "overlays").iterdir()} == stems
    assert {path.name for path in (tmp_path / "masks").iterdir()} == stems
    content = json.loads((tmp_path / "predictions.json").read_text())
    assert [image["file_name"] for image in content["images"]] == names
    assert [(a["id"], a["image_id"]) for a in content["annotations"]][:3] == [(1, 1), (2, 1), (3, 2)]


def test_masks_are_those_that_were_found(tmp_path):
    with PredictionFolder(tmp_path, ("cup", "tea/pot"), Path("in")) as folder:
        folder.add(found(Path("in/a.jpg")))
    first, second = sorted((tmp_path / "masks" / "a").iterdir())
    assert (first.name, second.name) == ("001_tea_pot.png", "002_cup.png")
    for file, mask in zip((first, second), MASKS, strict=True):
        assert np.array_equal(np.asarray(Image.open(file)), mask)


def test_what_there_was_before_an_error_is_kept(tmp_path):
    with suppress(KeyboardInterrupt), PredictionFolder(tmp_path, ("cup", "pot"), Path("in")) as folder:
        folder.add(found(Path("in/a.jpg")))
        raise KeyboardInterrupt
    content = json.loads((tmp_path / "predictions_so_far.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["a.jpg"]
    assert len(content["annotations"]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"overlays", "masks", "predictions_so_far.json"}


def test_without_a_picture_there_is_no_file(tmp_path):
    with PredictionFolder(tmp_path, ("cup", "pot"), Path("in")):
        pass
    assert list(tmp_path.iterdir()) == []
