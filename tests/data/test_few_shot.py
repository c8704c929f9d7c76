import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from ntt.data.masks import encode_mask
from ntt.data.pseudo_masks import PseudoMask
from ntt.errors import InputError
from ntt.structures import Prompt


def problems_of(dataset):
    with pytest.raises(InputError) as caught:
        dataset.check()
    return str(caught.value).splitlines()


def test_labels_follow_the_category_ids_of_the_reference_file(coco):
    dataset = coco.dataset()
    dataset.check()
    assert dataset.class_names == ("pen", "cup")
    assert dataset.category_ids == (2, 7)
    assert [reference.label for reference in dataset.references] == [1, 1, 0, 0]


def test_references_have_image_and_mask(coco):
    reference = coco.dataset().references[1]
    assert torch.equal(reference.image, torch.full((3, 30, 40), 80 / 255))
    expected = torch.zeros(30, 40, dtype=torch.bool)
    expected[:8, :8] = True
    expected[20:26, 20:26] = True
    assert torch.equal(reference.mask, expected)
    assert "2.png" in reference.source
    assert "annotation 2" in reference.source


def test_references_may_have_a_prompt_instead_of_a_mask(coco):
    box, points = coco.references["annotations"][:2]
    box.update(segmentation=[], bbox=[4, 4, 10, 10])
    del points["segmentation"]
    points["points"] = [[2, 3]]
    dataset = coco.dataset()
    dataset.check()
    first, second, third, _ = dataset.references
    assert (first.mask, first.prompt) == (None, Prompt((4.0, 4.0, 14.0, 14.0)))
    assert (second.mask, second.prompt) == (None, Prompt(points=((2.0, 3.0, 1),)))
    assert third.mask.any()
    assert third.prompt is None


def test_references_without_mask_are_grouped_by_image(coco):
    for entry in coco.references["annotations"]:
        entry.update(segmentation=None, bbox=[4, 4, 10, 10])
    references = coco.dataset().references
    assert references.without_mask() == [[0], [1, 2], [3]]
    mask = torch.ones(30, 40, dtype=torch.bool)
    references.give_mask(1, encode_mask(mask))
    assert references.without_mask() == [[0], [2], [3]]
    assert torch.equal(references[1].mask, mask)
    assert references[1].prompt is not None


def test_with_masks_adds_masks_to_the_reference_file(coco):
    coco.references["annotations"][1].update(segmentation=[], bbox=[0, 0, 8, 8], score=0.5)
    coco.references["info"] = {"year": 2024}
    dataset = coco.dataset(shots=2)
    assert dataset.mask_file == coco.root / "references.masks.json"
    made = PseudoMask(encode_mask(torch.ones(30, 40, dtype=torch.bool)), {"fingerprint": "f"})
    content = dataset.with_masks({1: made})
    filled = content["annotations"][1]
    assert (filled["id"], filled["score"], filled["area"]) == (2, 0.5, 1200)
    assert filled["mask_source"] == {"fingerprint": "f"}
    content["annotations"][1] = coco.references["annotations"][1]
    assert content == coco.references


def test_targets_need_a_segmentation(coco):
    coco.targets["annotations"][0]["bbox"] = [4, 4, 10, 10]
    del coco.targets["annotations"][0]["segmentation"]
    (line,) = problems_of(coco.dataset())
    assert "targets.json: annotations[0] (id 1): segmentation is missing" in line


def test_boxes_only_uses_boxes_as_ground_truth(coco):
    for entry in coco.targets["annotations"]:
        del entry["segmentation"]
        entry["bbox"] = [4, 4, 10, 20]
    dataset = coco.dataset(boxes_only=True)
    dataset.check()
    (first, *_) = dataset.ground_truth.dataset["annotations"]
    assert "segmentation" not in first
    assert (first["bbox"], first["area"]) == ([4, 4, 10, 20], 200)
    assert dataset.true_masks(10)[0].sum() == 200, "boxes are filled for visualisation and oracle masks"
    assert dataset.references[0].mask.any(), "masks of references are kept"


def test_only_targets_in_use_are_read(coco):
    hat, later = coco.targets["annotations"][1:3]
    hat["segmentation"] = later["segmentation"] = "broken"
    coco.dataset(limit=2).check()
    assert len(problems_of(coco.dataset())) == 1, "there are no references of hats"


@pytest.mark.parametrize(("shots", "sources"), [(1, [1, 5]), (2, [1, 2, 5, 3]), (None, [1, 2, 5, 3])])
def test_shots_select_the_first_annotations_without_crowd_regions(coco, shots, sources):
    references = coco.dataset(shots=shots).references
    assert [int(reference.source.split()[-1]) for reference in references] == sources


def test_check_with_too_few_references_names_the_class(coco):
    coco.references["annotations"].pop()
    (line,) = problems_of(coco.dataset(shots=2))
    assert line.startswith(str(coco.root / "references.json"))
    assert "'pen' has 1 of 2 required references" in line


def test_targets_are_in_file_order_up_to_the_limit(coco):
    coco.targets["images"].reverse()
    targets = coco.dataset(limit=2).targets
    assert [(target.image_id, target.path.name) for target in targets] == [(30, "3.png"), (20, "2.png")]
    assert len(targets) == 2


def test_ground_truth_has_the_selected_classes_with_reference_ids(coco):
    ground_truth = coco.dataset().ground_truth
    found = [
        (a["image_id"], a["category_id"], a["iscrowd"])
        for a in ground_truth.loadAnns(ground_truth.getAnnIds())
    ]
    assert found == [(10, 7, 0), (30, 2, 0), (30, 7, 1)]
    assert ground_truth.getImgIds() == [10, 20, 30]
    assert {c["id"]: c["name"] for c in ground_truth.loadCats(ground_truth.getCatIds())} == {
        2: "pen",
        7: "cup",
    }
    (first,) = ground_truth.loadAnns(ground_truth.getAnnIds(10))
    assert (first["bbox"], first["area"]) == ([4, 4, 10, 10], 100)


def test_ground_truth_has_the_fields_of_lvis_and_voc_with_reference_ids(coco):
    coco.targets["images"][0].update(neg_category_ids=[1, 5], not_exhaustive_category_ids=[9])
    coco.targets["categories"][0]["frequency"] = "r"
    coco.targets["annotations"][0]["difficult"] = 1
    ground_truth = coco.dataset().ground_truth
    assert ground_truth.imgs[10]["neg_category_ids"] == [2], "there are no references of hats"
    assert ground_truth.imgs[10]["not_exhaustive_category_ids"] == [7]
    assert "neg_category_ids" not in ground_truth.imgs[20]
    assert [ground_truth.cats[k].get("frequency") for k in (2, 7)] == ["r", None]
    assert [a["difficult"] for a in ground_truth.dataset["annotations"]] == [1, 0, 0]


def test_ground_truth_is_limited_to_the_targets(coco):
    assert coco.dataset(limit=2).ground_truth.getImgIds() == [10, 20]
    assert len(coco.dataset(limit=2).ground_truth.getAnnIds()) == 1


def test_ground_truth_has_no_annotation_with_id_zero(coco):
    coco.targets["annotations"][0]["id"] = 0
    assert 0 not in coco.dataset().ground_truth.getAnnIds()


def test_ground_truth_keeps_area_and_box_of_the_file(coco):
    coco.targets["annotations"][0].update(area=77.5, bbox=[4, 4, 9.5, 9.5])
    (first,) = coco.dataset(limit=1).ground_truth.dataset["annotations"]
    assert (first["area"], first["bbox"]) == (77.5, [4, 4, 9.5, 9.5])


def test_true_masks_exclude_crowd_regions(coco):
    dataset = coco.dataset()
    masks, labels = dataset.true_masks(10)
    assert labels.tolist() == [1]
    assert masks.sum() == 100
    assert masks[0, 4:14, 4:14].all()
    masks, labels = dataset.true_masks(20)
    assert (masks.shape, masks.dtype, labels.shape) == ((0, 30, 40), torch.bool, (0,))
    assert dataset.true_masks(30)[1].tolist() == [0], "crowd regions are not instances"


def test_crowd_mask_contains_only_crowd_regions_of_selected_classes(coco):
    other_class = {**coco.targets["annotations"][1], "image_id": 20, "iscrowd": 1}
    coco.targets["annotations"][1] = other_class
    dataset = coco.dataset()
    crowd = dataset.crowd_mask(30)
    assert crowd[:20, :20].all()
    assert crowd.sum() == 20 * 20
    assert not dataset.crowd_mask(10).any(), "an instance is not a crowd region"
    assert not dataset.crowd_mask(20).any(), "there are no references of its class"


def test_without_target_file_all_images_of_the_folder_are_targets(coco):
    (coco.root / "targets" / "notes.txt").write_text("not an image")
    dataset = coco.dataset(target_file=None, limit=2)
    dataset.check()
    assert dataset.ground_truth is None
    assert [(target.image_id, target.image.shape) for target in dataset.targets] == [
        ("1.png", (3, 30, 40)),
        ("2.png", (3, 30, 40)),
    ]


def test_targets_may_have_no_annotations(coco):
    coco.targets["annotations"] = []
    dataset = coco.dataset()
    dataset.check()
    assert dataset.ground_truth.getAnnIds() == []


def test_references_can_be_read_by_loader_workers(coco):
    loader = DataLoader(coco.dataset().references, batch_size=3, num_workers=1, collate_fn=list)
    assert [len(batch) for batch in loader] == [3, 1]


def test_check_reports_all_problems(coco):
    coco.references["annotations"] = [a for a in coco.references["annotations"] if a["category_id"] == 7]
    (coco.root / "references" / "2.png").unlink()
    coco.targets["annotations"][0]["image_id"] = 99
    (coco.root / "targets" / "3.png").write_bytes(b"not an image")
    lines = problems_of(coco.dataset())
    expected = [
        r"references\.json: class 'pen' has no reference; ",
        r"references/2\.png: image not found; ",
        r"targets\.json: annotations\[0\] \(id 1\): image_id 99 is not among the images; ",
        r"targets/3\.png: cannot be read as an image ",
    ]
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.search(pattern, line), line


def test_check_rejects_an_empty_segmentation_of_a_reference(coco):
    coco.references["annotations"][0]["segmentation"] = []
    (line,) = problems_of(coco.dataset())
    assert "references.json: annotations[0] (id 1): segmentation is empty; " in line


def test_image_ids_may_be_strings(coco):
    for part in (coco.references, coco.targets):
        for image in part["images"]:
            image["id"] = f"image {image['id']}"
        for entry in part["annotations"]:
            entry.update(id=f"annotation {entry['id']}", image_id=f"image {entry['image_id']}")
    dataset = coco.dataset(shots=1)
    dataset.check()
    assert [target.image_id for target in dataset.targets] == ["image 10", "image 20", "image 30"]
    assert dataset.ground_truth.getImgIds() == ["image 10", "image 20", "image 30"]
    assert dataset.true_masks("image 10")[1].tolist() == [1]
    made = PseudoMask(encode_mask(torch.ones(30, 40, dtype=torch.bool)), {"fingerprint": "f"})
    assert dataset.with_masks({0: made})["annotations"][0]["area"] == 1200


def test_check_reports_each_image_once(coco):
    shutil.rmtree(coco.root / "references")
    assert len(problems_of(coco.dataset())) == 3


def test_check_reports_images_that_differ_from_the_annotated_size(coco):
    coco.targets["images"][1].update(height=31)
    (line,) = problems_of(coco.dataset())
    assert "targets/2.png: the image is 40 x 30 pixels, but its annotation says 40 x 31" in line
    with pytest.raises(InputError, match="40 x 31"):
        coco.dataset().targets[1]


def test_check_reads_only_images_in_use(coco):
    (coco.root / "targets" / "3.png").unlink()
    (coco.root / "references" / "3.png").unlink()
    coco.dataset(shots=1, limit=2).check()


@pytest.mark.parametrize("name", ["shots", "limit"])
def test_check_rejects_counts_below_one(coco, name):
    (line,) = problems_of(coco.dataset(**{name: 0}))
    assert line.startswith(f"dataset.{name} must be at least 1")


def test_check_reports_target_categories_without_common_names(coco):
    for category in coco.targets["categories"]:
        category["name"] = category["name"].upper()
    (line,) = problems_of(coco.dataset())
    assert "targets.json: no category has the same name as a reference class" in line


def test_check_reports_missing_files(coco):
    dataset = coco.dataset(target_file="nowhere.json", if_absent="make it with: python make_it.py")
    (line,) = problems_of(dataset)
    assert line == "nowhere.json: annotation file not found; make it with: python make_it.py"
    (line,) = problems_of(coco.dataset(target_file=None, target_images="nowhere"))
    assert line == "nowhere: image folder not found; correct the path"


@pytest.mark.parametrize("part", ["images", "categories"])
def test_check_reports_empty_lists(coco, part):
    changed = {"images": coco.targets, "categories": coco.references}[part]
    changed["annotations"], changed[part] = [], []
    (line,) = problems_of(coco.dataset())
    assert f"{part} is empty" in line


def test_properties_reject_invalid_files_without_check(coco):
    coco.references["categories"][0]["id"] = "seven"
    for use in ("class_names", "category_ids", "references", "ground_truth"):
        with pytest.raises(InputError, match="seven"):
            getattr(coco.dataset(), use)


def test_links_in_the_images_folder_are_followed(coco, tmp_path):
    """Links come from the owner of the folder, and only images are read."""
    picture = coco.root / "targets" / "1.png"
    elsewhere = picture.rename(tmp_path / "elsewhere.png")
    picture.symlink_to(elsewhere)
    (coco.root / "targets" / "2.png").unlink()
    (coco.root / "targets" / "2.png").symlink_to("/etc/passwd")
    dataset = coco.dataset()
    (line,) = problems_of(dataset)
    assert "targets/2.png: cannot be read as an image (cannot identify image file" in line
    assert dataset.targets[0].image.shape == (3, 30, 40)


def test_check_finds_truncated_references(coco):
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    file = coco.root / "references" / "1.png"
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[:-1000])
    (line,) = problems_of(coco.dataset())
    assert line.startswith(f"{file}: cannot be read as an image (")
