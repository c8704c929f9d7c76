import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO

from colour_world import BLUE, GREEN, RED
from ntt import InputError
from ntt.api.results import DRAWINGS


@pytest.fixture
def found(fitted, scene, as_array, tmp_path):
    Image.fromarray(as_array(scene(RED, BLUE)[0])).save(tmp_path / "scene.png")
    return fitted.predict(tmp_path / "scene.png")


def test_repr_lists_size_and_counts(fitted, found, scene):
    assert repr(found) in {
        f"<Segmentation of 'scene.png', 96 x 64: {c}>" for c in ("1 red, 1 blue", "1 blue, 1 red")
    }
    nothing = fitted.predict(scene(GREEN)[0]).above(1.0)
    assert repr(nothing) == "<Segmentation of 0, 96 x 64: nothing>"


def test_save_writes_a_valid_coco_file(found, tmp_path):
    found.save(tmp_path / "found.json")
    coco = COCO(tmp_path / "found.json")
    assert coco.loadImgs(1) == [{"id": 1, "file_name": "scene.png", "width": 96, "height": 64}]
    assert [coco.cats[k]["name"] for k in (1, 2)] == ["red", "blue"]
    for k, annotation in enumerate(coco.loadAnns(coco.getAnnIds()), start=0):
        assert np.array_equal(coco.annToMask(annotation), found.masks[k])
        assert coco.cats[annotation["category_id"]]["name"] == found.names[k]
        assert annotation["area"] == int(found.masks[k].sum())
    assert json.loads((tmp_path / "found.json").read_text()) == found.to_coco()


def test_to_supervision_exports_all_fields(found):
    detections = found.to_supervision()
    assert np.array_equal(detections.mask, found.masks)
    assert np.allclose(detections.xyxy, found.boxes)
    assert np.allclose(detections.confidence, found.scores)
    assert list(detections.data["class_name"]) == found.names
    assert len(found.above(2.0).to_supervision()) == 0


@pytest.mark.parametrize("name", ["found.psd", "found.cur", "found.h5", "found", "found.txt"])
def test_save_rejects_unknown_extensions(found, tmp_path, name):
    with pytest.raises(InputError, match=r"use \.json for a COCO file or \.png, \.jpg, "):
        found.save(tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("ending", DRAWINGS)
def test_save_writes_all_image_formats(found, tmp_path, ending):
    found.save(tmp_path / f"found{ending}")
    assert (tmp_path / f"found{ending}").stat().st_size > 100


def test_plot_draws_the_masks(found):
    drawn = np.asarray(found.plot())
    assert drawn.shape == (400, 600, 3), "small images are enlarged to 600 pixels"
    plain = np.asarray(Image.fromarray(found.pixels).resize((600, 400), Image.Resampling.BILINEAR)).astype(
        int
    )
    changed = np.abs(drawn.astype(int) - plain).max(axis=2) > 20
    inside = np.asarray(Image.fromarray(np.asarray(found.masks.any(dim=0))).resize((600, 400)))
    assert changed[inside].mean() > 0.8
    assert changed[300:, 400:].mean() < 0.05


def test_plot_draws_instances_of_low_score_only_above_a_threshold(found):
    weak = replace(found, scores=torch.linspace(0.9, 0.1, len(found)))
    assert len(found) > 1
    last = np.asarray(Image.fromarray(found.masks[-1].numpy()).resize((600, 400)))

    def is_drawn(each):
        plain = np.asarray(Image.fromarray(found.pixels).resize((600, 400)), int)
        return (np.abs(np.asarray(each.plot(), int) - plain).max(axis=2) > 20)[last].mean() > 0.5

    assert not is_drawn(weak)
    assert is_drawn(replace(weak, score_threshold=0.05))
    assert is_drawn(weak.above(0.05))


def test_plot_keeps_the_size_of_large_images(fitted, scene):
    image, _ = scene(RED, height=700, width=60)
    assert fitted.predict(image).plot(everything=True).size == (60, 700)


def test_save_creates_folders_and_rejects_other_files(found, tmp_path):
    found.save(tmp_path / "new" / "drawing.jpg")
    assert Image.open(tmp_path / "new" / "drawing.jpg").size == (600, 400)
    with pytest.raises(
        InputError, match=r"found.txt: unknown extension; use .json for a COCO file or .png, .jpg"
    ):
        found.save(tmp_path / "found.txt")
