import numpy as np
import pytest
from PIL import Image

from ntt.data.converters import convert_masks
from ntt.errors import InputError


@pytest.fixture
def paint(tmp_path):
    def save(name, mask):
        file = tmp_path / "masks" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(mask).astype(np.uint8)).save(file)

    return save


def test_convert_masks_reads_one_folder_per_class(converted, picture, paint, rectangle):
    picture("images/a_1.jpg")
    picture("images/a.jpg")
    picture("images/bare.jpg")
    paint("cat/a_1.png", 255 * rectangle(4, 5, 10, 10))
    paint("cat/a_2.png", 255 * rectangle(1, 2, 3, 4))
    paint("dog/a_1_7.png", 255 * rectangle(2, 2, 2, 2))
    found = converted(convert_masks, "object")
    assert found.objects == [
        ("images/a_1.jpg", "cat", [4, 5, 10, 10]),
        ("images/a_1.jpg", "dog", [2, 2, 2, 2]),
        ("images/a.jpg", "cat", [1, 2, 3, 4]),
    ]
    assert (found.masks[0] == rectangle(4, 5, 10, 10)).all()
    assert found.coco.left_out == {"image without a mask": 1}


def test_convert_masks_reads_several_objects_without_class_folder(converted, picture, paint, rectangle):
    picture("a.jpg")
    picture("b.jpg")
    paint("a.png", rectangle(4, 5, 10, 10) * 2 + rectangle(20, 5, 3, 3))
    paint("b.png", rectangle(0, 0, 0, 0))
    found = converted(convert_masks, "cell")
    assert found.objects == [("a.jpg", "cell", [20, 5, 3, 3]), ("a.jpg", "cell", [4, 5, 10, 10])]
    assert len(found.file.images) == 2, "an image with an empty mask is kept"


def test_convert_masks_reads_another_mask_folder(converted, picture, paint, rectangle):
    picture("PNGImages/a.png")
    paint("../PedMasks/a_mask.png", rectangle(4, 5, 10, 10))
    found = converted(convert_masks, "person", "PedMasks")
    assert found.objects == [("PNGImages/a.png", "person", [4, 5, 10, 10])]


@pytest.mark.parametrize("home", ["", "cell/"])
def test_convert_masks_reads_one_folder_per_image(converted, picture, paint, rectangle, home):
    picture("images/a.jpg")
    paint(f"{home}a/0.png", rectangle(4, 5, 10, 10))
    paint(f"{home}a/1.png", rectangle(1, 2, 3, 4))
    boxes = [[4, 5, 10, 10], [1, 2, 3, 4]]
    assert converted(convert_masks, "cell").objects == [("images/a.jpg", "cell", box) for box in boxes]


def test_convert_masks_accepts_masks_of_unrotated_images(converted, picture, paint):
    picture("a.jpg", exif=6)
    paint("a.png", np.ones((40, 30)))
    assert [(i.height, i.width) for i in converted(convert_masks, "x").file.images.values()] == [(40, 30)]


def test_convert_masks_names_all_problems_and_converts_the_rest(converted, picture, paint, write, rectangle):
    for name in ("a.jpg", "b.jpg", "deeper/b.jpg", "c.jpg"):
        picture(name)
    paint("a.png", rectangle(4, 5, 10, 10))
    paint("cat/a.png", np.ones((5, 5)))
    paint("b.png", np.ones((5, 5)))
    write("masks/c.png", "not an image")
    paint("d.png", rectangle(4, 5, 10, 10))
    found = converted(convert_masks, "x")
    assert len(found.objects) == 1
    expected = [
        "deeper/b.jpg: has the same name as ",
        "masks/d.png: its name matches no image",
        "masks/cat/a.png: differs in size from the other masks of the image",
        "b.jpg: the image is 40 x 30 pixels, but its annotation says 5 x 5",
        "masks/c.png: cannot be read as an image",
    ]
    assert len(found.problems) == len(expected)
    assert all(any(line.startswith(start) for line in found.problems) for start in expected), found.problems


def test_convert_masks_rejects_folders_without_masks(converted, picture):
    picture("images/a.jpg")
    with pytest.raises(InputError, match=r"masks: contains no mask; add <class>/<name>\.png"):
        converted(convert_masks, "x")
