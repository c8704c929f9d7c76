import runpy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ntt.errors import InputError


@pytest.fixture
def script(project_root):
    return runpy.run_path(str(project_root / "scripts/measure_auto.py"))


def test_the_repository_classes_have_one_reference_and_the_masks_of_the_targets(script, project_root):
    classes = {each.name: each for each in script["repository_classes"](project_root / "data" / "photos")}
    counts = {name: sum(map(len, each.targets.values())) for name, each in classes.items()}
    assert counts == {"cat": 1, "coin": 24, "dog": 2, "hen": 3, "horse": 5}
    assert all(file.exists() for each in classes.values() for file in (*each.reference, *each.targets))


def test_an_added_class_takes_the_first_image_with_a_mask_as_reference(script, tmp_path):
    for name in ("1", "2", "10"):
        Image.new("RGB", (4, 3)).save(tmp_path / f"{name}.jpg")
    for name in ("2", "10"):
        Image.fromarray(np.full((3, 4), 255, np.uint8)).save(tmp_path / f"{name}_mask.png")
    found = script["added_class"]("apple", str(tmp_path))
    assert found.reference == (tmp_path / "2.jpg", tmp_path / "2_mask.png")
    assert {image.name: len(masks) for image, masks in found.targets.items()} == {"1.jpg": 0, "10.jpg": 1}
    with pytest.raises(InputError, match=r"contains no NAME\.jpg with NAME_mask\.png"):
        script["added_class"]("apple", str(tmp_path / "empty"))


def test_an_object_has_the_best_score_of_the_instances_that_cover_it(script):
    whole, part = torch.ones(2, 4).bool(), torch.zeros(2, 4).bool()
    part[:, :1] = True
    result = SimpleNamespace(
        masks=torch.stack([whole, part, whole]), scores=torch.tensor([0.3, 0.9, 0.6], dtype=torch.float64)
    )
    model = SimpleNamespace(predict=lambda image: result)
    assert script["object_scores"](model, None, [whole, part, ~whole]) == [0.6, 0.9, None]
