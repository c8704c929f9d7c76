import pytest

from miniatures import VOC, make_voc
from ntt.data.voc import voc_as_coco
from ntt.errors import InputError

ENTITIES = "".join(f'<!ENTITY a{k} "{f"&a{k - 1};" * 9}">' for k in range(1, 12))
LAUGHS = f'<!DOCTYPE a [<!ENTITY a0 "lol">{ENTITIES}]><a>&a11;</a>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a><size><height>&b;</height></size></a>'


@pytest.fixture
def devkit(tmp_path):
    return make_voc(tmp_path) / "VOCdevkit"


def test_voc_as_coco_with_several_years_merges_them(devkit):
    content = voc_as_coco(devkit, {"VOC2007": "trainval", "VOC2012": "trainval"})
    assert [image["file_name"] for image in content["images"]] == [
        "VOC2007/JPEGImages/000005.jpg",
        "VOC2007/JPEGImages/000007.jpg",
        "VOC2012/JPEGImages/2008_000002.jpg",
        "VOC2012/JPEGImages/2008_000003.jpg",
    ]
    assert all((devkit / image["file_name"]).is_file() for image in content["images"])
    assert {(image["height"], image["width"]) for image in content["images"]} == {(100, 120)}
    assert content["categories"] == [{"id": k, "name": name} for k, name in enumerate(VOC, start=1)]
    assert [a["image_id"] for a in content["annotations"]] == [k for k in (1, 2, 3, 4) for _ in VOC]
    assert [a["id"] for a in content["annotations"]] == list(range(1, 81))


def test_voc_as_coco_counts_pixels_from_zero(devkit):
    first, second, *_ = voc_as_coco(devkit, {"VOC2007": "test"})["annotations"]
    assert first == {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [12, 12, 40, 40],
        "area": 1600,
        "difficult": 1,
    }
    assert second["bbox"] == [17, 15.25, 41, 40.75], "some coordinates are fractions"
    assert second["difficult"] == 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.unlink(), r"000001\.xml: file not found; extract the complete archive"),
        (lambda file: file.write_text("<annotation>"), r"000001\.xml: no element found.*; extract"),
        (lambda file: file.write_text("<a><object/></a>"), r"000001\.xml: size/height is missing"),
        (lambda file: file.write_text(LAUGHS), r"000001\.xml: EntitiesForbidden.*; extract"),
        (lambda file: file.write_text(OUTSIDE), r"000001\.xml: EntitiesForbidden.*; extract"),
    ],
)
def test_voc_as_coco_with_a_broken_file_names_it(devkit, spoil, message):
    spoil(devkit / "VOC2007" / "Annotations" / "000001.xml")
    with pytest.raises(InputError, match=message):
        voc_as_coco(devkit, {"VOC2007": "test"})


def test_voc_as_coco_with_a_missing_image_set_raises(devkit):
    with pytest.raises(InputError, match=r"Main/val\.txt: file not found"):
        voc_as_coco(devkit, {"VOC2007": "val"})
