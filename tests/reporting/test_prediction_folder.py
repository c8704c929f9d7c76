import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ntt.api import Segmentation
from ntt.reporting.prediction_folder import MAX_SIMILARITY_MAPS, PredictionFolder, classes_to_draw

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


def test_similarity_maps_are_drawn_where_results_carry_them(tmp_path):
    heat = torch.zeros(2, 4, 4)
    heat[:, :, 2:] = 1.0
    with PredictionFolder(tmp_path, ("cup", "tea/pot"), Path("in")) as folder:
        folder.add(replace(found(Path("in/a.jpg")), similarity=heat))
        folder.add(found(Path("in/b.jpg")))
        folder.add(replace(found(Path("in/c.jpg")), similarity=torch.zeros(0, 4, 4)))
    assert [path.name for path in (tmp_path / "similarity").iterdir()] == ["a.png"]
    pixels = np.asarray(Image.open(tmp_path / "similarity" / "a.png").convert("RGB")).astype(int)
    row = pixels[len(pixels) // 2]
    warmth = row[:, 0] - row[:, 2]
    assert warmth[: len(row) // 5].max() < 10, "the image, which is grey"
    panel = warmth[len(row) // 3 : int(0.6 * len(row))]
    assert panel[0] < 40 < panel[-1], "hot on the right alone"


def test_similarity_is_kept_by_a_selection_and_absent_by_default():
    result = found(Path("in/a.jpg"))
    assert result.similarity is None
    heat = torch.rand(2, 4, 4)
    assert replace(result, similarity=heat).subset(torch.tensor([1])).similarity is heat


def test_maps_of_the_classes_found_are_drawn_and_of_the_most_similar():
    heat = torch.linspace(0, 0.9, 20)[:, None, None].expand(20, 3, 3)
    drawn = classes_to_draw(heat, torch.tensor([2, 0, 2])).tolist()
    assert drawn == [0, 2, *range(22 - MAX_SIMILARITY_MAPS, 20)]
    assert classes_to_draw(heat[:3], torch.tensor([], dtype=torch.int64)).tolist() == [0, 1, 2]
