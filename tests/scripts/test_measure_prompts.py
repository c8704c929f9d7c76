"""The measure of masks made of prompts, on the miniature data set."""

import re
import runpy

import torch

from forked import run_forked


def test_prints_the_agreement_of_each_kind_of_prompt(project_root, miniature_overrides):
    words = [word for word in miniature_overrides if not word.startswith("segmenter")]
    result = run_forked([project_root / "scripts/measure_prompts.py", *words])
    assert result.returncode == 0, result.stderr
    found = re.findall(r"sam2_nano, (.+): mean IoU ([\d.]+) of (\d+) (references|targets)\n", result.stdout)
    assert [(kind, count) for kind, _, count, objects in found if objects == "references"] == [
        ("box", "4"),
        ("innermost point", "4"),
        ("box and innermost point", "4"),
        ("centre", "4"),
    ]
    assert [kind for kind, _, _, objects in found if objects == "targets"] == [
        "box",
        "innermost point",
        "box and innermost point",
        "centre",
    ]
    # Plain discs and bars on noise: what a click cannot find here it finds nowhere.
    assert all(float(iou) > 0.6 for _, iou, _, _ in found)


def test_objects_touch_those_of_their_class_only(project_root):
    touches_its_class = runpy.run_path(str(project_root / "scripts/measure_prompts.py"))["touches_its_class"]
    masks = torch.zeros(4, 10, 40, dtype=torch.bool)
    for mask, left in zip(masks, (0, 8, 19, 25), strict=True):
        mask[:, left : left + 5] = True  # 3, 6 and 1 pixels lie between them
    assert touches_its_class(masks, torch.tensor([0, 0, 0, 1])) == [False, False, False, False]
    masks[0, :, 5] = True
    assert touches_its_class(masks, torch.tensor([0, 0, 0, 1])) == [True, True, False, False]
    assert touches_its_class(masks, torch.tensor([0, 1, 1, 1])) == [False, False, True, True]


def test_centre_is_the_pixel_of_the_mask_nearest_to_its_centroid(project_root):
    centre_of = runpy.run_path(str(project_root / "scripts/measure_prompts.py"))["centre_of"]
    mask = torch.zeros(9, 9, dtype=torch.bool)
    mask[2:7, 2:7] = True
    assert centre_of(mask) == (4.5, 4.5)
    mask[3:6, 3:9] = False  # a bracket whose centroid is not on it
    x, y = centre_of(mask)
    assert mask[int(y), int(x)]
    assert int(x) == 2
