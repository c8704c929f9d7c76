import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ntt.data.coco_reader import read_annotations
from ntt.data.masks import decode_mask
from ntt.errors import InputError
from ntt.structures import Prompt

TRIANGLE = [[0, 0, 6, 0, 0, 6]]


@pytest.fixture
def content():
    return {
        "images": [{"id": 4, "file_name": "deep/er/a.jpg", "height": 8, "width": 9}],
        "categories": [{"id": 70, "name": "cup"}, {"id": 3, "name": "pen"}],
        "annotations": [{"id": 11, "image_id": 4, "category_id": 3, "segmentation": TRIANGLE}],
    }


@pytest.fixture
def read(tmp_path):
    def call(content, **options):
        file = tmp_path / "a.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_annotations(file, **options)

    return call


def test_read_annotations_of_a_valid_file_has_no_problems(read, content):
    file = read(content)
    assert file.sound() is file
    assert file.categories == {70: "cup", 3: "pen"}
    assert (file.images[4].height, file.images[4].width) == (8, 9)
    (annotation,) = file.annotations
    assert annotation.area == decode_mask(annotation.mask).sum() > 0
    assert not annotation.crowd


def test_read_annotations_accepts_a_byte_order_mark(tmp_path, content):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(content), encoding="utf-8-sig")
    assert read_annotations(file).problems == ()


def test_read_annotations_reads_the_fields_of_lvis_and_voc(read, content):
    content["images"][0].update(neg_category_ids=[70], not_exhaustive_category_ids=[])
    counts = {1: "r", 10: "r", 11: "c", 100: "c", 101: "f"}
    content["categories"] += [
        {"id": 100 + count, "name": f"in {count}", "image_count": count} for count in counts
    ]
    content["categories"] += [{"id": 1, "name": "as written", "frequency": "c", "image_count": 5}]
    content["categories"] += [{"id": 2, "name": "else", "frequency": 0.5, "image_count": "many"}]
    content["annotations"][0]["difficult"] = 1
    file = read(content).sound()
    assert (file.images[4].negative, file.images[4].not_exhaustive) == ((70,), ())
    assert file.frequencies == {100 + count: letter for count, letter in counts.items()} | {1: "c"}
    assert file.annotations[0].difficult


def test_read_annotations_without_the_fields_of_lvis_and_voc_returns_defaults(read, content):
    file = read(content)
    assert (file.images[4].negative, file.images[4].not_exhaustive, file.frequencies) == (None, None, {})
    assert not file.annotations[0].difficult


INVALID_FIELDS = [
    ("images", "id", None, "got None"),
    ("images", "id", True, "got True"),
    ("images", "file_name", "", "got ''"),
    ("images", "file_name", "../b.jpg", "must be a path inside the image folder"),
    ("images", "file_name", "c/../../b.jpg", "must be a path inside the image folder"),
    ("images", "file_name", "..\\b.jpg", "must be a path inside the image folder"),
    ("images", "file_name", "/b.jpg", "must be a path inside the image folder"),
    ("images", "file_name", "C:\\b.jpg", "must be a path inside the image folder"),
    ("images", "file_name", "b\0.jpg", "must be at most 1000 printable characters"),
    ("images", "file_name", "\ud800.jpg", "must be at most 1000 printable characters"),
    ("images", "file_name", "a" * 1001, "must be at most 1000 printable characters"),
    ("images", "width", 0, "width must be the image width in pixels, got 0"),
    ("images", "height", 1e999, "got inf"),
    ("images", "height", 10**9, "got 1000000000"),
    ("images", "height", 8.5, "got 8.5"),
    ("images", "id", " ", "got ' '"),
    ("images", "id", 4.5, "id must be a non-negative integer, got 4.5"),
    ("categories", "id", "three", "got 'three'"),
    ("images", "neg_category_ids", [1, "2"], "must be a list of category ids, got [1, '2']"),
    ("images", "not_exhaustive_category_ids", 3, "got 3"),
    ("categories", "name", 5, "got 5"),
    ("categories", "name", " ", "got ' '"),
    ("categories", "name", "pen", "'pen' is already used"),
    ("categories", "name", "\x1b[2J", "must be at most 1000 printable characters"),
    ("annotations", "id", [11], "got [11]"),
    ("annotations", "image_id", 5, "image_id 5 is not among the images"),
    ("annotations", "category_id", 5, "category_id 5 is not among the categories"),
    ("annotations", "iscrowd", 2, "must be 0 or 1, got 2"),
    ("annotations", "difficult", "no", "must be 0 or 1, got 'no'"),
    ("annotations", "area", -1, "must be a number of pixels, got -1"),
    ("annotations", "bbox", [1, 2, 3], "must be [x, y, width, height], got [1, 2, 3]"),
    ("annotations", "bbox", [1, 2, -3, 4], "got [1, 2, -3, 4]"),
    ("annotations", "bbox", [1, 2, 3, 10**400], "got [1, 2, 3, 1000"),
    ("annotations", "segmentation", "M8", "segmentation is neither"),
    ("annotations", "segmentation", [[1, 2, 3, 4]], "at least three x, y pairs"),
    ("annotations", "segmentation", [[1, 2, 3, 4, 5, 6, 7]], "at least three x, y pairs"),
    ("annotations", "segmentation", [1, 2, 3, 4, 5, 6], "at least three x, y pairs"),
    ("annotations", "segmentation", [[1, 2, 3, 4, 5, "6"]], "not a number"),
    ("annotations", "segmentation", [[1, 2, 3, 4, 5, float("nan")]], "not a number"),
    ("annotations", "segmentation", [[1, 2, 3, 4, 1e9, 6]], "far outside the image, which is 9 pixels wide"),
    ("annotations", "segmentation", [[1, 2, 3, 4, 5, 60]], "far outside the image, which is 8 pixels high"),
    ("annotations", "segmentation", {"size": [9, 8], "counts": [72]}, "size [9, 8], the image is [8, 9]"),
    ("annotations", "segmentation", {"size": [8, 9], "counts": [70]}, "add up to 70 pixels"),
    ("annotations", "segmentation", {"size": [8, 9], "counts": [-1, 73]}, "not run lengths"),
    ("annotations", "segmentation", {"size": [8, 9]}, "not run lengths"),
    ("annotations", "segmentation", {"size": [8, 9], "counts": "é"}, "character 'é'"),
    ("annotations", "segmentation", {"size": [8, 9], "counts": "o"}, "truncated"),
    ("annotations", "segmentation", {"size": [8, 9], "counts": "oooooooo0"}, "too many digits"),
]


@pytest.mark.parametrize(("part", "field", "value", "message"), INVALID_FIELDS)
def test_read_annotations_names_invalid_fields(read, content, part, field, value, message):
    content["annotations"].append({**content["annotations"][0], "id": 12})  # stays valid
    content[part][0][field] = value
    problem = read(content).problems[0]
    assert re.search(rf"a\.json: {part}\[\d\] \(id .+\): ", problem), problem
    assert field in problem
    assert message in problem
    assert "; " in problem or " must be " in problem, "the message explains the fix"


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("images", "id"),
        ("images", "file_name"),
        ("images", "width"),
        ("categories", "name"),
        ("annotations", "image_id"),
        ("annotations", "segmentation"),
    ],
)
def test_read_annotations_names_missing_fields(read, content, part, field):
    del content[part][0][field]
    assert f"{part}[0]" in read(content).problems[0]
    assert f"{field} is missing" in read(content).problems[0]


@pytest.mark.parametrize("segmentation", ["absent", None, []])
def test_a_box_or_points_replace_a_segmentation_of_references(read, content, segmentation):
    (annotation,) = content["annotations"]
    annotation.update(bbox=[1, 2, 3, 4], points=[[2, 3], [8, 7, 0]], segmentation=segmentation)
    if segmentation == "absent":
        del annotation["segmentation"]
    (found,) = read(content, prompts=True).sound().annotations
    assert found.prompt == Prompt((1.0, 2.0, 4.0, 6.0), ((2.0, 3.0, 1), (8.0, 7.0, 0)))
    assert not decode_mask(found.mask).any()
    annotation["bbox"] = None
    assert read(content, prompts=True).annotations[0].prompt == replace(found.prompt, box=None)
    if segmentation != []:
        assert "segmentation is " in read(content).problems[0]


def test_a_prompt_is_ignored_if_there_is_a_segmentation(read, content):
    content["annotations"][0].update(bbox=[1, 2, 3, 4], points="nonsense")
    (found,) = read(content, prompts=True).sound().annotations
    assert found.prompt is None
    assert found.area > 0


def test_an_empty_segmentation_of_a_reference_is_a_problem(read, content):
    (annotation,) = content["annotations"]
    annotation.update(bbox=[1, 2, 3, 4], segmentation={"size": [8, 9], "counts": [72]})
    assert read(content).problems == (), "pycocotools accepts empty ground-truth objects"
    (problem,) = read(content, prompts=True).problems
    assert "annotations[0] (id 11): segmentation is empty; " in problem
    annotation["iscrowd"] = 1
    assert read(content, prompts=True).problems == ()


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ({}, "segmentation is missing; add it"),
        ({"bbox": [0, 0, 0, 0]}, "bbox is [0, 0, 0, 0], which is empty; "),
        ({"bbox": [50, 0, 8, 8]}, "bbox is [50, 0, 8, 8], mostly outside the image of 9 x 8; "),
        ({"points": [[4, 9]]}, "points contains [4, 9], outside the image of 9 x 8; "),
    ],
)
def test_read_annotations_names_invalid_prompts(read, content, prompt, message):
    del content["annotations"][0]["segmentation"]
    content["annotations"][0].update(prompt)
    (problem,) = read(content, prompts=True).problems
    assert f"a.json: annotations[0] (id 11): {message}" in problem


def test_an_image_too_large_for_pycocotools_is_a_problem(read, content):
    content["images"][0].update(height=2**14, width=2**15)
    assert read(content).problems == ()
    content["images"][0]["height"] += 1
    assert (
        "images[0] (id 4): height and width must be the image size in pixels, got 16385 and 32768"
        in read(content).problems[0]
    )


def test_the_file_name_of_lvis_images_is_read_from_the_url(read, content):
    del content["images"][0]["file_name"]
    content["images"][0]["coco_url"] = "http://images.cocodataset.org/val2017/000000000139.jpg"
    assert read(content).sound().images[4].file_name == "val2017/000000000139.jpg"
    content["images"][0]["coco_url"] = "http://images.cocodataset.org/../secret.jpg"
    assert "must be a path inside the image folder" in read(content).problems[0]


def test_boxes_replace_masks_if_they_are_the_ground_truth(read, content):
    (annotation,) = content["annotations"]
    annotation["bbox"] = [1, 2, 4, 30]
    (found,) = read(content, boxes=True).sound().annotations
    assert found.box == [1, 2, 4, 30]
    assert found.area == decode_mask(found.mask)[2:, 1:5].sum() == 6 * 4, "clipped to the image"
    for bbox in (None, [1, 2, 3], "deleted"):
        annotation["bbox"] = bbox
        if bbox == "deleted":
            del annotation["bbox"]
        assert "annotations[0] (id 11): bbox " in read(content, boxes=True).problems[0]


def test_only_annotations_in_use_are_read(read, content):
    content["images"].append({**content["images"][0], "id": 5})
    sound = content["annotations"][0]
    broken = {"id": 0, "image_id": 4, "category_id": 70, "segmentation": "?"}
    content["annotations"] += [broken, {**sound, "id": 12, "image_id": 5}]
    assert len(read(content).problems) == 1
    assert [a.id for a in read(content, classes=["pen"]).sound().annotations] == [11, 12]
    assert [a.id for a in read(content, classes=["pen"], limit=1).sound().annotations] == [11]
    assert read(content, classes=[]).sound().annotations == ()
    assert set(read(content, classes=[], limit=1).images) == {4, 5}
    broken["category_id"] = [70]
    assert (
        "category_id must be a non-negative integer, got [70]"
        in read(content, classes=["pen"], limit=1).problems[0]
    )
    broken.update(category_id=70, image_id=6)
    assert "image_id 6" in read(content, classes=["cup"], limit=1).problems[0]


@pytest.mark.parametrize("part", ["images", "categories", "annotations"])
def test_duplicate_ids_and_invalid_entries_are_problems(read, content, part):
    first, last = content[part][0]["id"], len(content[part])
    content[part].append({**content[part][0], "name": "third"})
    (problem,) = read(content).problems
    assert f": {part}[{last}] (id {first}): id {first} is already used by {part}[0]; " in problem
    content[part][1:] = ["what"]
    assert f"{part}[1]: is not an object" in read(content).problems[0]
    content[part] = {}
    assert f"{part} is not a list" in read(content).problems[0]
    del content[part]
    assert f"{part} is missing" in read(content).problems[0]


def test_ids_may_be_strings(read, content):
    content["images"].append({**content["images"][0], "id": "4"})
    content["annotations"].append({**content["annotations"][0], "id": "a-1", "image_id": "4"})
    file = read(content).sound()
    assert list(file.images) == [4, "4"]
    assert [(a.id, a.image_id) for a in file.annotations] == [(11, 4), ("a-1", "4")]


def test_integers_may_be_written_as_floats(read, content):
    content["images"][0].update(id=4.0, height=8.0, width=9.0, neg_category_ids=[3.0])
    content["categories"][1].update(id=3.0, image_count=11.0)
    mask = {"size": [8.0, 9.0], "counts": [9, 63]}
    content["annotations"][0].update(id=11.0, image_id=4.0, category_id=3.0, iscrowd=0.0, segmentation=mask)
    file = read(content).sound()
    assert [*file.images, *file.categories, *file.images[4].negative] == [4, 70, 3, 3]
    assert file.frequencies == {3: "c"}
    (found,) = file.annotations
    assert decode_mask(found.mask).sum() == 63
    assert all(type(i) is int for i in (found.id, found.image_id, found.category_id, file.images[4].height))


def test_optional_fields_may_be_null(read, content):
    content["annotations"][0].update(dict.fromkeys(("area", "bbox", "iscrowd", "difficult", "points")))
    content["images"][0].update(neg_category_ids=None)
    (found,) = read(content).sound().annotations
    assert (found.box, found.crowd, found.difficult) == ([0, 0, 5, 5], False, False)
    assert found.area == decode_mask(found.mask).sum()


UNUSABLE = [
    {"segmentation": [[1, 2, 3, 4]]},
    {"segmentation": [[1, 2, 3, 4, 500, 6]]},
    {"segmentation": {"size": [9, 8], "counts": [72]}},
    {"segmentation": [], "bbox": [3, 3, 0, 2]},
    {"segmentation": [], "bbox": [30, 3, 2, 2]},
    {"bbox": [3, 3, -1, 2]},
    {"area": -1},
]


@pytest.mark.parametrize("shape", UNUSABLE)
def test_one_percent_of_invalid_shapes_is_skipped_with_a_warning(read, content, caplog, shape):
    sound = content["annotations"][0]
    content["annotations"] = [{**sound, "id": k} for k in range(99)] + [{**sound, "id": 99, **shape}]
    file = read(content, prompts=True).sound()
    assert [a.id for a in file.annotations] == list(range(99))
    (warning,) = caplog.messages
    assert "a.json: annotations[99] (id 99): " in warning
    assert "skipped 1 of 100 annotations" in warning
    del content["annotations"][0]
    (problem,) = read(content, prompts=True).problems
    assert "annotations[98] (id 99)" in problem


def test_an_annotation_without_an_image_is_always_a_problem(read, content, caplog):
    sound = content["annotations"][0]
    content["annotations"] = [{**sound, "id": k} for k in range(500)]
    content["annotations"][7]["image_id"] = 5
    assert "image_id 5" in read(content).problems[0]
    assert not caplog.messages


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [\n  1,,', "malformed JSON at line 2, column 5"),
        ("", "malformed JSON at line 1, column 1"),
        ("[]", "is not a JSON object"),
        ("[" * 100_000, "is not JSON in UTF-8"),
        ('{"images": ' + "1" * 5000 + "}", "is not JSON in UTF-8"),
    ],
)
def test_malformed_json_is_a_problem(read, text, message):
    (problem,) = read(text).problems
    assert message in problem


def test_other_encodings_and_folders_are_problems(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"images": "\xff"}')
    assert "UTF-8" in read_annotations(tmp_path / "a.json").problems[0]
    assert "cannot be read" in read_annotations(tmp_path).problems[0]


def test_valid_entries_are_read_despite_problems(read, content):
    content["annotations"] += [
        {**content["annotations"][0], "id": 12 + k, "image_id": 4 + k % 2} for k in range(4)
    ]
    file = read(content)
    assert [annotation.id for annotation in file.annotations] == [11, 12, 14]
    assert len(file.problems) == 2
    with pytest.raises(InputError) as caught:
        file.sound()
    assert str(caught.value).splitlines() == list(file.problems)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 4, 8, 9, 72])
    | st.floats()
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.sampled_from(["size", "counts", "id"]) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
KEYS = [
    "id",
    "file_name",
    "coco_url",
    "height",
    "width",
    "name",
    "image_id",
    "category_id",
    "segmentation",
    "bbox",
    "points",
    "area",
    "neg_category_ids",
    "frequency",
    "image_count",
    "difficult",
]
entries = st.dictionaries(st.sampled_from([*KEYS, "iscrowd"]), values)
SOUND = {"id": 4, "file_name": "a", "height": 8, "width": 9, "name": "cup", "image_id": 4, "category_id": 4}
SOUND["segmentation"] = TRIANGLE
nearly_sound = entries.map(lambda changes: {**SOUND, **dict(list(changes.items())[:2])})
lists = st.lists(entries | nearly_sound | st.just(SOUND) | values, max_size=4)
files = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("images", "annotations", "categories"), lists | values)
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=files | values,
    prompts=st.booleans(),
    boxes=st.booleans(),
    classes=st.none() | st.just(["cup"]),
    limit=st.none() | st.just(1),
)
def test_arbitrary_json_is_read_or_rejected(read, content, prompts, **options):
    text = json.dumps(content)
    file = read(text, prompts=prompts, **options)
    for annotation in file.annotations:
        image = file.images[annotation.image_id]
        if image.height * image.width < 1e6:
            assert decode_mask(annotation.mask).shape == (image.height, image.width)
        assert annotation.category_id in file.categories
        assert prompts or annotation.prompt is None
        assert np.isfinite([*annotation.box, annotation.area]).all()
    for problem in file.problems:
        assert "\n" not in problem
        assert "a.json" in problem
