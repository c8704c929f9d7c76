import pytest
from PIL import Image

from ntt import InputError
from ntt.api.images import find_images, is_single


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "inside").mkdir()
    for name in (
        "b.jpg",
        "a.png",
        "b_mask.png",
        "a_mask_of_lead.png",
        "alone_mask.png",
        "inside/c.jpg",
        "d[1].jpg",
    ):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("images", "names"),
    [
        ("", ["a.png", "a_mask_of_lead.png", "alone_mask.png", "b.jpg", "d[1].jpg"]),
        ("*.jpg", ["b.jpg", "d[1].jpg"]),
        ("**/*.jpg", ["b.jpg", "d[1].jpg", "inside/c.jpg"]),
        ("b*", ["b.jpg"]),
        ("d[1].jpg", ["d[1].jpg"]),
        ("b_mask.png", ["b_mask.png"]),
    ],
)
def test_find_images_reads_folders_patterns_and_files(pictures, images, names):
    found = find_images(str(pictures / images))
    assert [path.relative_to(pictures).as_posix() for path in found] == names


def test_is_single_accepts_files_named_like_a_pattern(pictures):
    assert [is_single(pictures / name) for name in ("d[1].jpg", "*.jpg", "inside", "absent.jpg")] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("images", ["absent", "absent.jpg", "*.gif", "notes.*"])
def test_find_images_without_images_raises(pictures, images):
    with pytest.raises(InputError, match=r"image or folder not found|no image matches the pattern"):
        find_images(pictures / images)
