from base64 import b64encode
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ntt.data.converters import convert_labelme
from ntt.errors import InputError
from ntt.structures import Prompt

SQUARE = [[4, 5], [14, 5], [14, 15], [4, 15]]


def shape(points=SQUARE, label="cat", shape_type="polygon", group_id=None, **more):
    return {"label": label, "points": points, "group_id": group_id, "shape_type": shape_type, **more}


def annotated(*shapes, image="a.jpg", size=(40, 30), **more):
    return {
        "version": "5.5.0",
        "imagePath": image,
        "imageData": None,
        "imageWidth": size[0],
        "imageHeight": size[1],
        "shapes": list(shapes),
        **more,
    }


def painted(mask):
    """Encode a mask as LabelMe does."""
    file = BytesIO()
    Image.fromarray(mask).save(file, format="PNG")
    return b64encode(file.getvalue()).decode()


def test_convert_labelme_reads_polygons_boxes_and_points(converted, picture, write, rectangle):
    picture("a.jpg")
    picture("unannotated.jpg")
    write(
        "a.json",
        annotated(shape(), shape([[20, 25], [10, 5]], "dog", "rectangle"), shape([[3, 4]], "ant", "point")),
    )
    found = converted(convert_labelme)
    assert found.objects == [
        ("a.jpg", "cat", [4, 5, 10, 10]),
        ("a.jpg", "dog", [10, 5, 10, 20]),
        ("a.jpg", "ant", None),
    ]
    _, box, point = found.file.annotations
    assert (found.masks[0] == rectangle(4, 5, 10, 10)).all()
    assert box.prompt == Prompt((10.0, 5.0, 20.0, 25.0))
    assert point.prompt == Prompt(points=((3.0, 4.0, 1),))
    assert len(found.file.images) == 1


def test_convert_labelme_merges_shapes_of_a_group(converted, picture, write, rectangle):
    picture("a.jpg")
    corners = [[20, 5], [24, 15]]
    shapes = [
        shape(group_id=1),
        shape(corners, "cat", "rectangle", group_id=1),
        shape(corners, "dog", "rectangle", group_id=1),
        shape([[22, 9]], "dog", "point", group_id=1),
        shape(group_id=2),
    ]
    write("a.json", annotated(*shapes))
    found = converted(convert_labelme)
    assert [category for _, category, _ in found.objects] == ["cat", "dog", "cat"]
    assert (found.masks[0] == rectangle(4, 5, 10, 10) | rectangle(20, 5, 4, 10)).all()
    assert found.file.annotations[1].prompt == Prompt((20.0, 5.0, 24.0, 15.0), ((22.0, 9.0, 1),))


def test_convert_labelme_reads_painted_masks(converted, picture, write):
    picture("a.jpg")
    piece = np.eye(5, 7) > 0
    write("a.json", annotated(shape([[33, 25], [39, 29]], shape_type="mask", mask=painted(piece))))
    (mask,) = converted(convert_labelme).masks
    assert (mask[25:, 33:] == piece).all()
    assert mask.sum() == 5


def test_convert_labelme_counts_skipped_lines_and_circles(converted, picture, write):
    picture("a.jpg")
    others = [shape(shape_type=kind) for kind in ("line", "circle", "line")]
    write("a.json", annotated(shape(), *others, {"points": SQUARE, "label": "old"}))
    found = converted(convert_labelme)
    assert [category for _, category, _ in found.objects] == ["cat", "old"]
    assert found.coco.left_out == {"shape of type 'line'": 2, "shape of type 'circle'": 1}


@pytest.mark.parametrize("path", ["../pictures/a.jpg", "..\\pictures\\a.jpg"])
def test_convert_labelme_finds_images_in_another_folder(converted, picture, write, path):
    picture("pictures/a.jpg")
    write("labels/a.json", annotated(shape(), image=path))
    assert converted(convert_labelme).objects == [("pictures/a.jpg", "cat", [4, 5, 10, 10])]


def test_convert_labelme_finds_moved_images_and_ignores_other_json(converted, picture, write):
    picture("a.jpg", exif=6)
    write("a.json", annotated(shape(), image="C:\\Users\\me\\a.jpg", size=(None, None)))
    write("b.json", {"images": []})
    found = converted(convert_labelme)
    assert found.objects == [("a.jpg", "cat", [4, 5, 10, 10])]
    assert found.problems == []


def test_convert_labelme_names_all_problems_and_converts_the_rest(converted, picture, write, tmp_path):
    picture("a.jpg")
    shapes = [
        shape(),
        shape([[1, 1], [2, 2]]),
        shape([[1, 1]], shape_type="rectangle"),
        shape([[90, 1]], shape_type="point"),
        shape([[1, "x"], [2, 2], [3, 3]]),
        shape(None),
        shape(label=None),
        shape([[4, 4]] * 3),
        shape([[1, 1], [2, 2]], shape_type="mask", mask="***"),
        shape([[39, 1], [45, 5]], shape_type="mask", mask=painted(np.ones((5, 7), bool))),
        shape([[1, 1], [2, 2]], shape_type="mask", mask=5),
    ]
    write("a.json", annotated(*shapes))
    write("b.json", annotated(shape(), image="b.jpg"))
    write("c.json", annotated(shape(), size=(30, 40)))
    picture("d.jpg")
    write("d.json", annotated(image="d.jpg", shapes=5))
    write("e.json", "{")
    picture(f"../{tmp_path.name}_outside/a.jpg")
    write("f.json", annotated(shape(), image=f"../{tmp_path.name}_outside/a.jpg"))
    write("g.json", annotated(shape(), image="a.jpg"))
    found = converted(convert_labelme)
    assert len(found.objects) == 1
    names = [f"a.json: shapes[{k}]" for k in range(1, 11)] + ["b.json", "a.jpg", "d.json", "e.json"]
    assert len(found.problems) == len(names) + 2
    for line, name in zip(found.problems, names, strict=False):
        assert line.startswith(f"{name}: "), line
        assert "; " in line
    assert "is not in " in found.problems[-2]
    assert found.problems[-1] == "a.jpg: has two annotation files; keep one of them"
    assert "imagePath 'b.jpg' does not exist" in found.problems[10]


def test_convert_labelme_rejects_folders_without_images_or_files(converted, picture):
    with pytest.raises(InputError, match="contains no image"):
        converted(convert_labelme)
    picture("a.jpg")
    with pytest.raises(InputError, match="contains no LabelMe JSON file"):
        converted(convert_labelme)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-50, 50) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=8,
)
pairs = st.lists(st.lists(st.floats(-5, 45) | st.integers(), min_size=2, max_size=2), max_size=5)
kinds = st.sampled_from(["polygon", "rectangle", "point", "mask", "circle"])
shapes = st.fixed_dictionaries(
    {},
    optional={
        "label": st.sampled_from(["cat", "dog"]) | values,
        "points": pairs | values,
        "shape_type": kinds | values,
        "group_id": st.sampled_from([None, 1]) | values,
        "mask": values,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shapes=st.lists(shapes | values, max_size=5) | values, size=st.just((40, 30)) | st.tuples(values, values)
)
def test_convert_labelme_of_arbitrary_content_converts_or_rejects(converted, picture, write, shapes, size):
    picture("a.png")
    write("a.json", {**annotated(image="a.png", size=size), "shapes": shapes})
    found = converted(convert_labelme)
    assert all("\n" not in line and "; " in line for line in found.problems)
