import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ntt.data.converters import convert_yolo
from ntt.errors import InputError

NAMES = "names: [cat, dog]\n"


def test_convert_yolo_reads_boxes_and_polygons(converted, picture, write, rectangle):
    picture("valid/images/1.jpg")
    write("data.yaml", NAMES)
    write("valid/labels/1.txt", "1 0.5 0.5 0.25 0.2\n\n0 0.1 0.1 0.6 0.1 0.6 0.5 0.1 0.5\n")
    found = converted(convert_yolo)
    name = "valid/images/1.jpg"
    assert found.objects == [(name, "dog", [15, 12, 10, 6]), (name, "cat", [4, 3, 20, 12])]
    assert "segmentation" not in found.content["annotations"][0], "a box stays a box"
    (mask,) = found.masks
    assert (mask == rectangle(4, 3, 20, 12)).all()


def test_convert_yolo_accepts_files_next_to_images_and_images_without_file(converted, picture, write):
    picture("a.jpg")
    picture("b.png")
    picture("c.jpg")
    write("classes.txt", "cat\ndog\n")
    write("a.txt", "0 0.5 0.5 0.5 0.5 0.9")
    write("c.txt", "")
    found = converted(convert_yolo)
    assert found.objects == [("a.jpg", "cat", [10, 7.5, 20, 15])], "the score is ignored"
    assert [image.file_name for image in found.file.images.values()] == ["a.jpg", "b.png", "c.jpg"]


def test_convert_yolo_uses_the_rotated_image_size(converted, picture, write):
    picture("a.jpg", exif=6)
    write("data.yaml", NAMES)
    write("a.txt", "0 0.5 0.5 1 1")
    assert converted(convert_yolo).objects == [("a.jpg", "cat", [0, 0, 40, 30])]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.yaml", "names:\n  0: cat\n  7: dog\nnc: 8\n"),
        ("data.yml", "names: {'0': cat, '7': dog}"),
        ("obj.names", "cat\n\n\n\n\n\n\ndog\n\n"),
    ],
)
def test_convert_yolo_reads_class_names(converted, picture, write, file, text):
    picture("a.jpg")
    write("a.txt", "7 0.5 0.5 0.5 0.5\n0.0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5")
    write(file, text)
    found = converted(convert_yolo)
    assert [category for _, category, _ in found.objects] == ["dog", "cat"]
    (line,) = found.problems
    assert line.startswith("a.txt: line 3: class 1 is not in ")


def test_convert_yolo_reads_a_given_file_of_class_names(converted, picture, write, tmp_path):
    picture("train/a.jpg")
    write("train/a.txt", "1 0.5 0.5 0.5 0.5")
    write("other/coco.yaml", NAMES)
    found = converted(convert_yolo, tmp_path / "other" / "coco.yaml")
    assert found.file.categories == {1: "dog"}
    with pytest.raises(
        InputError, match=r"no class names \(data\.yaml, .*\) in the folder or its parent; set --names"
    ):
        converted(convert_yolo)


def test_convert_yolo_ignores_key_points(converted, picture, write):
    picture("a.jpg")
    write("data.yaml", f"{NAMES}kpt_shape: [2, 3]\n")
    write("a.txt", "0 0.5 0.5 0.5 0.5 0.4 0.4 2 0.6 0.6 1\n")
    found = converted(convert_yolo)
    assert found.objects == [("a.jpg", "cat", [10, 7.5, 20, 15])]
    assert not found.masks


def test_convert_yolo_names_all_problems_and_converts_the_rest(converted, picture, write):
    lines = [
        "0 0.5 0.5 0.5 0.5",
        "0 0.5 0.5 0 0.5",
        "0 0.5 0.5 0.5",
        "cat 0.5 0.5 0.5 0.5",
        "0 1.5 0.5 0.5 0.5",
        "0 0.5 0.5 -0.5 0.5",
        "0 nan 0.5 0.5 0.5",
        "0 0.1 0.1 0.6 0.1 0.6 x",
        "0 0.1 0.1 0.6 0.1 0.6 9",
        "0 0.11 0.11 0.11 0.11 0.11 0.11",
        "-1 0.5 0.5 0.5 0.5",
        "1e99 0.5 0.5 0.5 0.5",
    ]
    picture("a.jpg")
    write("data.yaml", NAMES)
    write("a.txt", "\n".join(lines))
    picture("b.jpg").write_text("not an image")
    picture("c.jpg")
    write("c.txt", "").write_bytes(b"\xff")
    found = converted(convert_yolo)
    assert len(found.objects) == 1
    assert [line.partition(":")[0] for line in found.problems] == ["a.txt"] * 11 + ["b.jpg", "c.txt"]
    assert [line.partition(": ")[2].partition(":")[0] for line in found.problems[:-2]] == [
        f"line {number}" for number in range(2, 13)
    ]
    assert all("; " in line for line in found.problems)


@pytest.mark.parametrize(
    "text", ["", "names: cat", "names: [", "- cat", "names: [cat]\nkpt_shape: 3", "nc: 2"]
)
def test_convert_yolo_rejects_invalid_class_names(converted, picture, write, text):
    picture("a.jpg")
    write("data.yaml", text)
    write("a.txt", "0 0.5 0.5 0.5 0.5")
    with pytest.raises(InputError, match=r"data\.yaml:(1: not YAML| names must be)") as caught:
        converted(convert_yolo)
    assert "\n" not in str(caught.value)


def test_convert_yolo_rejects_folders_without_images_or_files(converted, picture, write, tmp_path):
    write("data.yaml", NAMES)
    with pytest.raises(InputError, match="contains no image"):
        converted(convert_yolo)
    picture("images/a.jpg")
    with pytest.raises(InputError, match="no image has a text file in the same folder or in labels"):
        converted(convert_yolo)


shares = st.floats(0, 1, width=32)
box = st.tuples(shares, shares, shares, shares).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)
boxes = box.filter(lambda b: b[2] - b[0] > 0.01 and b[3] - b[1] > 0.01)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes=st.lists(boxes, min_size=1, max_size=4))
def test_convert_yolo_keeps_arbitrary_boxes_and_rectangles(converted, picture, write, boxes):
    picture("a.png")
    write("data.yaml", NAMES)
    lines = []
    for x1, y1, x2, y2 in boxes:
        lines.append(f"0 {(x1 + x2) / 2} {(y1 + y2) / 2} {x2 - x1} {y2 - y1}")
        lines.append(f"1 {x1} {y1} {x2} {y1} {x2} {y2} {x1} {y2}")
    write("a.txt", "\n".join(lines))
    found = converted(convert_yolo)
    drawn = [entry for entry in found.content["annotations"] if "segmentation" in entry]
    kept = [entry["bbox"] for entry in found.content["annotations"] if "segmentation" not in entry]
    expected = [[x1 * 40, y1 * 30, (x2 - x1) * 40, (y2 - y1) * 30] for x1, y1, x2, y2 in boxes]
    assert kept == [pytest.approx(each, abs=2e-3) for each in expected]
    empty = len(found.problems)  # thin rectangles that contain no pixel centre
    assert len(drawn) + empty == len(boxes)
    for entry in drawn:
        (polygon,) = entry["segmentation"]
        corners = [polygon[0], polygon[1], polygon[4] - polygon[0], polygon[5] - polygon[1]]
        assert any(corners == pytest.approx(each, abs=2e-3) for each in expected)


words = (
    st.floats(-1, 2).map(str) | st.sampled_from(["0", "1", "0.5", "nan", "1e400", "-0"]) | st.text(max_size=3)
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.lists(words, max_size=12).map(" ".join), max_size=4))
def test_convert_yolo_of_arbitrary_lines_converts_or_rejects(converted, picture, write, lines):
    picture("a.png")
    write("data.yaml", NAMES)
    write("a.txt", "\n".join(lines))
    assert all("\n" not in line and "; " in line for line in converted(convert_yolo).problems)
