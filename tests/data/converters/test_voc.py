import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ntt.data.converters import convert_voc
from ntt.errors import InputError


def voc_object(name="cat", box=(5, 6, 14, 15), more=""):
    """Build an object with VOC corners: pixels counted from 1, both corners inclusive."""
    x1, y1, x2, y2 = box
    corners = f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
    return f"<object><name>{name}</name>{more}<bndbox>{corners}</bndbox></object>"


def annotation(*objects, size=(40, 30)):
    said = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    return f"<annotation><filename>x.jpg</filename>{said}{''.join(objects)}</annotation>"


def polygon(*numbers):
    tags = [f"{axis}{k // 2 + 1}" for k, axis in zip(range(len(numbers)), "xy" * len(numbers), strict=False)]
    return f"<polygon>{''.join(f'<{t}>{n}</{t}>' for t, n in zip(tags, numbers, strict=True))}</polygon>"


def test_convert_voc_reads_the_layout_of_the_challenge(converted, picture, write):
    picture("VOC2012/JPEGImages/2.jpg")
    picture("VOC2012/JPEGImages/1.jpg")
    picture("VOC2012/JPEGImages/unannotated.jpg")
    write("VOC2012/Annotations/1.xml", annotation(voc_object("dog"), voc_object("cat", (1, 1, 40, 30))))
    write("VOC2012/Annotations/2.xml", annotation())
    found = converted(convert_voc)
    name = "VOC2012/JPEGImages/1.jpg"
    assert found.objects == [(name, "dog", [4, 5, 10, 10]), (name, "cat", [0, 0, 40, 30])]
    assert found.file.categories == {1: "cat", 2: "dog"}
    assert [image.file_name for image in found.file.images.values()] == [name, "VOC2012/JPEGImages/2.jpg"]
    assert all("segmentation" not in entry for entry in found.content["annotations"])


def test_convert_voc_reads_files_next_to_the_images(converted, picture, write):
    picture("train/1.jpg")
    picture("valid/1.jpg")
    write("train/1.xml", annotation(voc_object()))
    write("valid/1.xml", annotation(voc_object("dog"), size=None))
    assert [(name, category) for name, category, _ in converted(convert_voc).objects] == [
        ("train/1.jpg", "cat"),
        ("valid/1.jpg", "dog"),
    ]


def test_convert_voc_clips_boxes_and_accepts_swapped_corners(converted, picture, write):
    picture("1.jpg")
    write("1.xml", annotation(voc_object(box=(0, 0, 10, 10)), voc_object(box=(41, 31, 31, 21))))
    assert [box for *_, box in converted(convert_voc).objects] == [[0, 0, 10, 10], [30, 20, 10, 10]]


def test_convert_voc_marks_difficult_objects(converted, picture, write):
    picture("1.jpg")
    levels = {"0": False, "1": True, " 1 ": True, "Unspecified": False, "": False}
    objects = [voc_object(more=f"<difficult>{level}</difficult>") for level in levels]
    write("1.xml", annotation(*objects, voc_object()))
    found = [a.difficult for a in converted(convert_voc).file.annotations]
    assert found == [*levels.values(), False]


def test_convert_voc_keeps_polygons(converted, picture, write, rectangle):
    picture("1.jpg")
    parts = polygon(5, 6, 15, 6, 15, 16, 5, 16) + polygon(21, 6, 25, 6, 25, 16, 21, 16)
    write("1.xml", annotation(voc_object(more=parts), voc_object()))
    found = converted(convert_voc)
    assert found.content["annotations"][0]["segmentation"][0] == [4, 5, 14, 5, 14, 15, 4, 15]
    (mask,) = found.masks
    assert (mask == rectangle(4, 5, 10, 10) | rectangle(20, 5, 4, 10)).all(), (
        "the object without a polygon stays a box"
    )


def test_convert_voc_uses_the_annotated_orientation(converted, picture, write):
    picture("upright.jpg", exif=6)
    picture("stored.jpg", exif=6)
    picture("unsaid.jpg", exif=6)
    write("upright.xml", annotation(voc_object()))
    write("stored.xml", annotation(voc_object(), size=(30, 40)))
    write("unsaid.xml", annotation(voc_object(), size=(0, 0)))
    images = converted(convert_voc).file.images.values()
    assert [(i.file_name, i.width) for i in images] == [
        ("stored.jpg", 30),
        ("unsaid.jpg", 40),
        ("upright.jpg", 40),
    ]


def test_convert_voc_names_all_problems_and_converts_the_rest(converted, picture, write):
    for number in range(1, 6):
        picture(f"{number}.jpg")
    odd = polygon(5, 6, 15, 6, 15, 16, 5)
    good, lost, none = voc_object(), voc_object(box=(90, 6, 99, 15)), "<object><name>cat</name></object>"
    write(
        "1.xml",
        annotation(good, lost, none, voc_object(more=odd), voc_object(box=(1, "?", 2, 3)), voc_object(" ")),
    )
    write("2.xml", "<annotation>")
    write("3.xml", "<annotations/>")
    write("4.xml", annotation(good, size=(50, 50)))
    write("5.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>')
    write("6.xml", annotation(good))
    found = converted(convert_voc)
    assert len(found.objects) == 1
    expected = [
        ("1.xml: object 2: box is ", "mostly outside the image of 40 x 30"),
        ("1.xml: object 3: Missing bndbox", ""),
        ("1.xml: object 4: polygon has an odd number", ""),
        ("1.xml: object 5: Invalid 'ymin' value '?'", ""),
        ("1.xml: object 6: the class name is empty", ""),
        ("2.xml: cannot be read (", ""),
        ("3.xml: is not a PASCAL VOC annotation: the root element is <annotations>", ""),
        ("4.jpg: the image is 40 x 30 pixels, but its annotation says 50 x 50", ""),
        ("5.xml: ", "ntit"),
        ("6.xml: no image has this name", ""),
    ]
    assert len(found.problems) == len(expected)
    for line, (start, middle) in zip(found.problems, expected, strict=True):
        assert line.startswith(start), line
        assert middle in line
        assert "; " in line, "the message explains the fix"


def test_convert_voc_rejects_folders_without_images_or_files(converted, picture, tmp_path):
    with pytest.raises(InputError, match="the folder contains no image"):
        converted(convert_voc)
    picture("1.jpg")
    with pytest.raises(InputError, match=r"contains no \.xml file"):
        converted(convert_voc)


corners = st.tuples(st.integers(1, 40), st.integers(1, 30), st.integers(1, 40), st.integers(1, 30))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes=st.lists(corners, min_size=1, max_size=4), names=st.data())
def test_convert_voc_keeps_arbitrary_boxes(converted, picture, write, boxes, names):
    name = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5)
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in boxes]
    categories = [names.draw(name) for _ in boxes]
    picture("1.png")
    write("1.xml", annotation(*map(voc_object, categories, boxes)))
    found = converted(convert_voc)
    assert found.problems == []
    assert found.objects == [
        ("1.png", category, [x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1])
        for category, (x1, y1, x2, y2) in zip(categories, boxes, strict=True)
    ]
