"""Test reading of references from examples, folders and COCO files."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ntt import Example, InputError
from ntt.api.examples import read_references
from ntt.structures import Prompt

IMAGE = np.full((60, 80, 3), 128, np.uint8)
MASK = np.zeros((60, 80), bool)
MASK[10:20, 30:50] = True


def read(*examples):
    found = read_references(examples, None)
    return found.class_names, list(found.references)


def test_read_references_accepts_masks_boxes_and_points():
    names, references = read(
        Example(IMAGE, "cup", mask=MASK),
        Example(
            torch.from_numpy(IMAGE).permute(2, 0, 1) / 255,
            "pen",
            mask=torch.from_numpy(np.stack([MASK, ~MASK])),
        ),
        Example(Image.fromarray(IMAGE), "cup", box=(30, 10, 50, 20)),
        Example(IMAGE, "cup", box=np.array([[30, 10, 50, 20], [0, 0, 5, 90]])),
        Example(IMAGE, "pen", points=[(35, 15), (1, 1, 0)]),
        Example(IMAGE, "pen", box=[30, 10, 50, 20], points=torch.tensor([[35.0, 15.0]])),
    )
    assert names == ("cup", "pen")
    assert [reference.label for reference in references] == [0, 1, 1, 0, 0, 0, 1, 1]
    assert all(torch.equal(reference.image, references[0].image) for reference in references)
    assert [np.array_equal(r.mask, m) for r, m in zip(references, (MASK, MASK, ~MASK), strict=False)] == [
        True
    ] * 3
    box = (30.0, 10.0, 50.0, 20.0)
    assert [reference.prompt for reference in references[3:]] == [
        Prompt(box),
        Prompt(box),
        Prompt((0.0, 0.0, 5.0, 60.0)),
        Prompt(points=((35.0, 15.0, 1), (1.0, 1.0, 0))),
        Prompt(box, ((35.0, 15.0, 1),)),
    ]


def test_read_references_reads_image_and_mask_files(tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "cup.png")
    two = np.zeros((60, 80), np.uint8)
    two[:10], two[20:30] = 1, 2
    Image.fromarray(two).save(tmp_path / "mask.png")
    _, references = read(Example(tmp_path / "cup.png", "cup", mask=str(tmp_path / "mask.png")))
    assert [int(reference.mask.sum()) for reference in references] == [800, 800]
    assert {reference.source for reference in references} == {str(tmp_path / "cup.png")}


def test_read_references_reads_coco_files(miniature):
    found = read_references(miniature / "references.json", miniature / "references")
    assert found.class_names == ("disc", "bar")
    assert [reference.label for reference in found.references] == [0, 1] * 4
    content = json.loads((miniature / "references.json").read_text())
    (miniature / "references" / "_annotations.coco.json").write_text(json.dumps(content))
    beside = read_references(miniature / "references" / "_annotations.coco.json", None)
    assert len(list(beside.references)) == 8


def test_read_references_reads_a_folder_without_targets(tmp_path):
    for name in ("cup", "pen"):
        (tmp_path / name).mkdir()
        Image.fromarray(IMAGE).save(tmp_path / name / "1.jpg")
        Image.fromarray(MASK).save(tmp_path / name / "1_mask.png")
    found = read_references(tmp_path, None)
    assert found.class_names == ("cup", "pen")
    assert [reference.label for reference in found.references] == [0, 1]


def test_read_references_accepts_numpy_scalars_and_views():
    low, high = np.int64(10), np.float32(20.5)
    _, (reference,) = read(Example(IMAGE, "cup", box=(low, low, high, high), points=[(low, np.int32(12))]))
    assert reference.prompt.box == (10, 10, 20.5, 20.5)
    assert reference.prompt.points == ((10, 12, 1),)
    _, (turned,) = read(Example(IMAGE, "cup", mask=MASK[::-1]))
    assert np.array_equal(turned.mask.numpy(), MASK[::-1])


@given(
    st.one_of(
        st.none(),
        st.text(max_size=3),
        st.lists(st.one_of(st.floats(), st.none(), st.lists(st.floats(), max_size=5)), max_size=5),
    ),
    st.one_of(st.none(), st.lists(st.one_of(st.floats(), st.lists(st.floats(), max_size=4)), max_size=3)),
)
def test_arbitrary_boxes_and_points_are_read_or_rejected_in_one_line(box, points):
    try:
        _, references = read(Example(IMAGE, "cup", box=box, points=points))
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both outcomes are valid
    else:
        assert references
        for reference in references:
            x1, y1, x2, y2 = reference.prompt.box or (0, 0, 1, 1)
            assert 0 <= x1 < x2 <= 80
            assert 0 <= y1 < y2 <= 60


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ({}, "an example of 'cup': pass either a mask, or a box or points"),
        ({"mask": MASK, "box": (0, 0, 9, 9)}, "either a mask, or a box or points"),
        ({"mask": MASK.astype(float)}, r"the mask must be bool .*, got float64, shape \(60, 80\)"),
        ({"mask": MASK[None, None]}, "must be bool of shape"),
        ({"mask": MASK.T}, "the mask is 60 x 80 pixels, the image 80 x 60; use the same size"),
        ({"mask": np.zeros_like(MASK)}, "the mask is empty"),
        ({"mask": np.zeros((0, 60, 80), bool)}, "the mask is empty"),
        ({"mask": "absent.png"}, "absent.png: image not found"),
        ({"box": "\n"}, r"box must be x1 y1 x2 y2 .*, got '\\n'"),
        (
            {"box": (30, 10, 20, 5)},
            r"box must be x1 y1 x2 y2 in pixels of the 80 x 60 image, got \[30, 10, 20, 5\]",
        ),
        ({"box": (300, 100, 500, 200)}, "must be x1 y1 x2 y2"),
        ({"box": (1, 2, 3)}, "must be x1 y1 x2 y2"),
        ({"box": "left"}, "must be x1 y1 x2 y2"),
        ({"points": [(1, 1, 0)]}, "no point is on the object"),
        ({"points": [(100, 1)]}, "outside the image of 80 x 60"),
        ({"points": []}, "no point is on the object"),
        ({"box": [(0, 0, 9, 9), (9, 9, 19, 19)], "points": [(1, 1)]}, "create one example per object"),
    ],
)
def test_invalid_masks_boxes_and_points_raise_in_one_line(marks, message):
    with pytest.raises(InputError, match=message) as caught:
        read(Example(IMAGE, "cup", **marks))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("references", "images", "message"),
    [
        ([], None, "references is empty"),
        (None, None, "references must be ntt.Example objects, a COCO file or a folder, got NoneType"),
        ([IMAGE], None, "references must contain ntt.Example objects, got ndarray"),
        ([Example(IMAGE, "cup", mask=MASK)], "pictures", "images must be None for examples"),
        (".", "pictures", "images must be None for a folder"),
        ("absent.json", None, "absent.json"),
    ],
)
def test_read_references_rejects_other_types(references, images, message):
    with pytest.raises(InputError, match=message):
        read_references(references, images)


@pytest.mark.parametrize("name", ["", " ", None, 3])
def test_example_requires_a_class_name(name):
    with pytest.raises(InputError, match="must be a non-empty class name"):
        Example(IMAGE, name, mask=MASK)
