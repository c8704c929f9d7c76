import json

import numpy as np
import pytest
import torch
from PIL import Image

from ntt.data import FewShotDataset, FolderDataset
from ntt.data.masks import encode_mask
from ntt.data.pseudo_masks import PseudoMask
from ntt.errors import InputError
from ntt.structures import Prompt


def picture(file, *, size=(20, 30)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 128, dtype=np.uint8)).save(file)


def mask(file, *, rows=5, size=(20, 30)):
    pixels = np.zeros(size, dtype=np.uint8)
    pixels[:rows] = 255
    Image.fromarray(pixels).save(file)


@pytest.fixture
def root(tmp_path):
    """Two classes with all supported names of images and masks."""
    references = tmp_path / "references"
    picture(references / "cup" / "b.jpg")
    mask(references / "cup" / "b.png", rows=1)
    picture(references / "cup" / "a.png")
    mask(references / "cup" / "a_mask.png", rows=2)
    picture(references / "ant" / "c.jpeg")
    mask(references / "ant" / "c_mask.png", rows=3)
    (references / "ant" / "notes.txt").write_text("ants")
    picture(tmp_path / "targets" / "y.png")
    picture(tmp_path / "targets" / "x.jpg", size=(10, 12))
    return tmp_path


def problems_of(dataset):
    with pytest.raises(InputError) as caught:
        dataset.check()
    return str(caught.value).splitlines()


def test_folder_dataset_reads_classes_references_and_targets(root):
    dataset = FolderDataset(root)
    dataset.check()
    assert (dataset.class_names, dataset.category_ids) == (("ant", "cup"), (1, 2))
    found = [(r.label, int(r.mask.sum()) // 30, r.source.rpartition("/")[2]) for r in dataset.references]
    assert found == [(0, 3, "c.jpeg"), (1, 2, "a.png"), (1, 1, "b.jpg")]
    assert [(t.image_id, t.image.shape) for t in dataset.targets] == [
        ("x.jpg", (3, 10, 12)),
        ("y.png", (3, 20, 30)),
    ]
    assert dataset.ground_truth is None


def test_shots_and_limit_select_the_first(root):
    dataset = FolderDataset(root, shots=1, limit=1)
    assert [reference.source.rpartition("/")[2] for reference in dataset.references] == ["c.jpeg", "a.png"]
    assert [target.image_id for target in dataset.targets] == ["x.jpg"]


def test_check_reports_all_problems(root):
    (root / "references" / "ant" / "c_mask.png").unlink()
    mask(root / "references" / "cup" / "a_mask.png", rows=0)
    mask(root / "references" / "cup" / "b.png", size=(9, 9))
    (root / "targets" / "x.jpg").write_text("x")
    lines = problems_of(FolderDataset(root))
    assert len(lines) == 4
    assert "ant/c.jpeg: the reference has no mask; add c_mask.png, or c.json" in lines[0]
    assert "cup/a_mask.png: the mask is empty" in lines[1]
    assert "cup/b.jpg: the image is 30 x 20 pixels, but its annotation says 9 x 9" in lines[2]
    assert "targets/x.jpg: cannot be read" in lines[3]


def test_check_without_strict_accepts_some_unreadable_targets_but_not_all(root):
    dataset = FolderDataset(root)
    (root / "targets" / "x.jpg").write_text("not an image")
    dataset.check(strict=False)
    assert len(dataset.targets) == 2
    assert len(problems_of(dataset)) == 1
    (root / "targets" / "y.png").write_text("not an image")
    with pytest.raises(InputError, match=r"x\.jpg: cannot be read as an image .*\n.*y\.png: cannot be read"):
        dataset.check(strict=False)


def test_a_box_or_points_replace_a_mask(root):
    cup, ant = root / "references" / "cup", root / "references" / "ant"
    (ant / "c_mask.png").unlink()
    (ant / "c.json").write_text('{"box": [5, 4, 10, 8], "points": [[9, 6], [1, 1, 0]]}')
    (cup / "a.json").write_text("never read, because there is a mask")
    dataset = FolderDataset(root)
    dataset.check()
    prompted, drawn, _ = dataset.references
    assert prompted.mask is None
    assert prompted.prompt == Prompt((5.0, 4.0, 15.0, 12.0), ((9.0, 6.0, 1), (1.0, 1.0, 0)))
    assert drawn.prompt is None
    assert dataset.references.without_mask() == [[0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", 'contains no prompt; write {"box": [x, y, width, height]} or {"points": [[x, y], ...]}'),
        ('{"shapes": []}', "contains no prompt; write"),
        ("[1, 2, 3, 4]", "is not a JSON object with"),
        ('{"box": [1,', "malformed JSON at line 1"),
        ('{"box": [40, 1, 5, 5]}', "box is [40, 1, 5, 5], mostly outside the image of 30 x 20"),
        ('{"points": [[1, 25]]}', "points contains [1, 25], outside the image of 30 x 20"),
        ('{"points": [[1, NaN]]}', "points contains [1, nan]"),
    ],
)
def test_check_names_invalid_prompt_files(root, text, message):
    (root / "references" / "ant" / "c_mask.png").unlink()
    (root / "references" / "ant" / "c.json").write_text(text)
    (line,) = problems_of(FolderDataset(root))
    assert line.startswith(f"{root}/references/ant/c.json: ")
    assert message in line


def test_a_mask_with_several_objects_gives_several_references(root):
    pixels = np.zeros((20, 30), dtype=np.uint8)
    pixels[:2], pixels[10:13] = 2, 1
    Image.fromarray(pixels).save(root / "references" / "cup" / "a_mask.png")
    dataset = FolderDataset(root)
    dataset.check()
    found = [(r.label, int(r.mask.sum()) // 30, r.source.rpartition("/")[2]) for r in dataset.references]
    assert found[1:] == [(1, 3, "a.png, object 1"), (1, 2, "a.png, object 2"), (1, 1, "b.jpg")]
    assert len(FolderDataset(root, shots=1).references) == 2, "one object of each class"
    (line,) = problems_of(FolderDataset(root, shots=3))
    assert "class 'ant' has 1 of 3 required references" in line, "there are three cups"


@pytest.fixture
def pictures(tmp_path):
    """References and targets in the same folder."""
    root = tmp_path / "elephant"
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
        picture(root / name)
    mask(root / "b_mask.png", rows=2)
    (root / "c.json").write_text('{"box": [5, 4, 10, 8]}')
    (root / "notes.txt").write_text("elephants")
    return root


def test_images_with_masks_or_prompts_are_references(pictures, monkeypatch):
    dataset = FolderDataset(pictures)
    dataset.check()
    assert dataset.class_names == ("elephant",)
    assert [r.source.rpartition("/")[2] for r in dataset.references] == ["b.jpg", "c.jpg"]
    assert [t.image_id for t in dataset.targets] == ["a.jpg", "d.jpg"]
    assert dataset.mask_file == pictures / "masks.json"
    monkeypatch.chdir(pictures)
    assert FolderDataset(".").class_names == ("elephant",)
    assert [t.image_id for t in FolderDataset(".", limit=1).targets] == ["a.jpg"]


def test_each_image_folder_is_a_class(pictures):
    picture(pictures.parent / "ant" / "a.jpg")
    picture(pictures.parent / "ant" / "b.jpg")
    mask(pictures.parent / "ant" / "b.png")
    (pictures.parent / "notes").mkdir()
    dataset = FolderDataset(pictures.parent, shots=1)
    dataset.check()
    assert dataset.class_names == ("ant", "elephant")
    assert [r.label for r in dataset.references] == [0, 1]
    assert [t.image_id for t in dataset.targets] == ["ant/a.jpg", "elephant/a.jpg", "elephant/d.jpg"]


def test_check_of_a_single_folder_requires_references_and_targets(pictures):
    for name in ("a.jpg", "d.jpg"):
        (pictures / name).unlink()
    (line,) = problems_of(FolderDataset(pictures))
    assert line == f"{pictures}: every image is a reference; add images to segment"
    (pictures / "c.json").unlink()
    (pictures / "b_mask.png").unlink()
    (line,) = problems_of(FolderDataset(pictures))
    assert line.startswith(f"{pictures}: class 'elephant' has 0 of 1 required references; add images with ")


def test_with_masks_builds_a_coco_file(root):
    (root / "references" / "cup" / "a_mask.png").unlink()
    (root / "references" / "cup" / "a.json").write_text('{"box": [5, 4, 10, 8]}')
    dataset = FolderDataset(root)
    made = PseudoMask(encode_mask(torch.ones(20, 30, dtype=torch.bool)), {"fingerprint": "f"})
    dataset.mask_file.write_text(json.dumps(dataset.with_masks({1: made})))
    assert dataset.class_names == ("ant", "cup"), "the file is not a class"
    coco = FewShotDataset(dataset.mask_file, root / "references", None, root / "targets", shots=None)
    assert coco.class_names == ("ant", "cup")
    (reference,) = coco.references
    assert (reference.label, reference.mask.sum()) == (1, 600)
    assert reference.source.endswith("references/cup/a.png, annotation 2")


def test_check_with_too_few_references_names_the_class(root):
    (line,) = problems_of(FolderDataset(root, shots=2))
    assert "class 'ant' has 1 of 2 required references" in line


def test_check_of_a_class_with_only_masks_reports_it(root):
    (root / "references" / "ant" / "c.jpeg").unlink()
    (line,) = problems_of(FolderDataset(root))
    assert "class 'ant' has 0 of 1 required references" in line


def test_check_reports_missing_folders(tmp_path):
    lines = problems_of(FolderDataset(tmp_path))
    assert f"{tmp_path}/references: contains no class" in lines[0]
    assert f"{tmp_path}/targets: image folder not found" in lines[1]
    (tmp_path / "targets").mkdir()
    assert "the folder contains no image" in problems_of(FolderDataset(tmp_path))[1]


def test_check_rejects_counts_below_one(root):
    assert problems_of(FolderDataset(root, shots=-1))[0].startswith("dataset.shots must be at least 1")


@pytest.mark.parametrize("name", ["one_mask.PNG", "one_mask.jpg", "one_mask.tif", "one_mask.BMP", "one.PNG"])
def test_a_mask_may_have_any_image_format(tmp_path, name):
    folder = tmp_path / "cat"
    picture(folder / "one.jpg")
    picture(folder / "two.jpg")
    mask(folder / "drawn.png")
    with Image.open(folder / "drawn.png") as drawn:
        drawn.save(folder / name)
    (folder / "drawn.png").unlink()
    dataset = FolderDataset(folder)
    assert [len(dataset.references), len(dataset.targets)] == [1, 1]
    (reference,) = dataset.references
    assert reference.mask is not None
    assert int(reference.mask.sum()) == 5 * 30
