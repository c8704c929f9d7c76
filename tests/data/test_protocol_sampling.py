import json
import random
from collections import OrderedDict
from itertools import chain

import pytest

from miniatures import COCO, LVIS, make_coco, make_lvis
from ntt.data import Sampler
from ntt.data.coco_reader import read_annotations
from ntt.errors import InputError

CLASSES = ["person", "bicycle", "zebra", "toothbrush"]


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    return make_coco(tmp_path_factory.mktemp("coco"), train=30) / "annotations/instances_train2017.json"


@pytest.fixture(scope="module")
def lvis(tmp_path_factory):
    root = tmp_path_factory.mktemp("lvis")
    return make_lvis(root, root / "coco") / "lvis_v1_train.json"


@pytest.fixture
def edited(tmp_path, coco):
    """A modified copy of the annotation file."""

    def edit(change):
        content = json.loads(coco.read_text())
        change(content)
        (tmp_path / "edited.json").write_text(json.dumps(content))
        return tmp_path / "edited.json"

    return edit


def as_the_paper_draws(file, names, shots, seed):
    """Independent implementation of few_shot_sampling.py of *No time to train!*."""
    content = json.loads(file.read_text())
    wanted = {category["id"] for category in content["categories"] if category["name"] in names}
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    groups = OrderedDict()
    for annotation in content["annotations"]:
        if annotation["category_id"] in wanted:
            groups.setdefault(annotation["category_id"], []).append(annotation)
    random.seed(seed)
    drawn = {}
    for category, annotations in groups.items():
        random.shuffle(annotations)
        images, drawn[category] = set(), []
        for annotation in annotations:
            (x, y, w, h), (width, height) = annotation["bbox"], sizes[annotation["image_id"]]
            at_edge = x < 10 or y < 10 or width - (x + w) < 10 or height - (y + h) < 10
            if annotation["iscrowd"] or w < 32 or h < 32 or at_edge or annotation["image_id"] in images:
                continue
            images.add(annotation["image_id"])
            drawn[category].append(annotation["id"])
            if len(images) == shots:
                break
    return drawn


@pytest.mark.parametrize("seed", [0, 33])
def test_draw_with_the_same_seed_matches_the_paper(coco, seed):
    drawn = Sampler(coco, 5, seed, CLASSES).draw()
    assert drawn == as_the_paper_draws(coco, CLASSES, 5, seed)
    assert [len(ids) for ids in drawn.values()] == [5] * 4
    assert drawn != Sampler(coco, 5, seed + 1, CLASSES).draw()


def test_draw_with_fewer_shots_is_a_subset(coco):
    many = Sampler(coco, 8, 0).draw()
    few = Sampler(coco, 3, 0).draw()
    assert set(few) == set(COCO)
    assert few == {category: ids[:3] for category, ids in many.items()}


def test_draw_takes_usable_annotations_one_per_image(edited):
    def change(content):
        crowd, difficult, small, *_ = (each for each in content["annotations"] if each["category_id"] == 1)
        crowd["iscrowd"], difficult["difficult"], small["bbox"] = 1, 1, [40, 40, 32, 31.9]
        unusable.extend(each["id"] for each in (crowd, difficult, small))
        twin = {**small, "id": 77777, "bbox": [40, 40, 32, 32]}
        content["annotations"] += [twin, {**twin, "id": 77778}]

    unusable = []
    (drawn,) = Sampler(edited(change), 1000, 0, ["person"], fewer=True).draw().values()
    assert len(drawn) >= 8
    assert not {*unusable} & {*drawn}
    assert len({77777, 77778} & {*drawn}) == 1


@pytest.mark.parametrize(
    ("box", "usable"),
    [
        ([10, 10, 32, 32], True),
        ([78, 58, 32, 32], True),
        ([9.9, 10, 32, 32], False),
        ([10, 9.9, 32, 32], False),
        ([78.5, 58, 32, 32], False),
        ([78, 58, 32, 32.5], False),
        ([10, 10, 31.9, 32], False),
    ],
)
def test_draw_applies_min_side_and_margin_exactly(edited, box, usable):
    def change(content):  # images are 120 x 100
        content["annotations"] = [{**content["annotations"][0], "category_id": 1, "bbox": box}]

    sampler = Sampler(edited(change), 1, 0, ["person"])
    if usable:
        assert len(sampler.draw()[1]) == 1
    else:
        with pytest.raises(InputError, match="'person' has 0 of 1 required usable references"):
            sampler.draw()


def test_draw_respects_other_min_side_and_margin(coco):
    boxes = {entry["id"]: entry["bbox"] for entry in json.loads(coco.read_text())["annotations"]}
    strict = Sampler(coco, 30, 0, ["person"], min_side=44, margin=20, fewer=True).draw()[1]
    assert strict
    assert all(min(boxes[k][2:]) >= 44 and min(boxes[k][:2]) >= 20 for k in strict)
    everything = Sampler(coco, 15, 0, ["person"], min_side=0, margin=0).draw()[1]
    assert len(everything) == 15, "every other image contains a person"


def test_draw_selects_lvis_classes_by_frequency(lvis):
    for letter in "rcf":
        drawn = Sampler(lvis, 2, 0, frequency=letter, fewer=True).draw()
        assert set(drawn) == {k for k, (_, frequency) in LVIS.items() if frequency == letter}
    assert set(Sampler(lvis, 2, 0, fewer=True).draw()) == set(LVIS)


def test_draw_with_fewer_accepts_unusable_annotations(lvis):
    with pytest.raises(
        InputError, match=r"'applesauce' has \d of 2 required usable references; lower dataset\.shots"
    ):
        Sampler(lvis, 2, 0).draw()
    drawn = Sampler(lvis, 2, 0, fewer=True, min_side=1000).draw()
    assert [len(drawn[k]) for k in LVIS] == [2, 2, 2, 1, 1, 1], "all annotations, although unusable"


def test_draw_reports_all_classes_with_too_few_annotations(coco):
    with pytest.raises(InputError) as caught:
        Sampler(coco, 16, 0, CLASSES).draw()
    assert [line.split("class ")[1].split()[0] for line in str(caught.value).splitlines()] == [
        "'person'",
        "'bicycle'",
        "'zebra'",
        "'toothbrush'",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ["Zebra"]}, r"class 'Zebra' is not among the categories\. Did you mean zebra\?"),
        ({"frequency": "r"}, "categories have no frequency; use an LVIS file"),
        ({"shots": 0}, "Sampler: shots must be at least 1, got 0"),
        ({"shots": None}, "Sampler: shots must be an integer, got null"),
    ],
)
def test_draw_rejects_invalid_options(coco, options, message):
    with pytest.raises(InputError, match=message):
        Sampler(**{"annotation_file": coco, "shots": 1, "seed": 0, **options}).draw()


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("annotations", {"bbox": [1, 2, 3]}, r"annotation 1: bbox must be .*, got \[1, 2, 3\]"),
        ("annotations", {"category_id": "1"}, r"annotations: category_id must be an integer, got '1' in"),
        ("annotations", {"image_id": 5}, "annotation 1: image_id 5 is not among the images"),
        ("images", {"width": None}, "images: width must be an integer, got None in"),
        ("categories", {"id": None}, "categories: id must be an integer, got None in"),
    ],
)
def test_draw_names_invalid_entries(edited, part, change, message):
    file = edited(lambda content: content[part][0].update(change))
    with pytest.raises(InputError, match=rf"edited\.json: {message}"):
        Sampler(file, 1, 0).draw()


def test_provide_ignores_segmentations_of_other_annotations(edited, tmp_path):
    def change(content):
        for entry in content["annotations"]:
            if entry["category_id"] != 24:
                entry["segmentation"] = "broken"

    Sampler(edited(change), 2, 0, ["zebra"]).provide(tmp_path / "few.json")
    file = read_annotations(tmp_path / "few.json").sound()
    assert (len(file.annotations), list(file.categories.values())) == (2, ["zebra"])


class TestFile:
    @pytest.fixture
    def file(self, tmp_path):
        return tmp_path / "new" / "2shot_seed0.json"

    def sampler(self, coco, **options):
        return Sampler(**{"annotation_file": coco, "shots": 2, "seed": 0, "classes": CLASSES, **options})

    def test_provide_writes_the_references_and_their_origin(self, coco, file):
        sampler = self.sampler(coco)
        sampler.provide(file)
        content = json.loads(file.read_text())
        assert [a["id"] for a in content["annotations"]] == list(chain(*sampler.draw().values()))
        assert {image["id"] for image in content["images"]} == {a["image_id"] for a in content["annotations"]}
        assert [category["id"] for category in content["categories"]] == [1, 2, 24, 90]
        whole = json.loads(coco.read_text())
        assert all(entry in whole["annotations"] for entry in content["annotations"]), (
            "annotations are copied unchanged"
        )
        assert (
            content["few_shot"].items()
            >= {
                "annotation_file": "instances_train2017.json",
                "shots": 2,
                "seed": 0,
                "min_side": 32,
                "margin": 10,
            }.items()
        )

    def test_provide_writes_the_file_once(self, coco, file):
        self.sampler(coco).provide(file)
        made = file.stat()
        self.sampler(coco).provide(file)
        assert (file.stat().st_mtime_ns, file.stat().st_ino) == (made.st_mtime_ns, made.st_ino)
        assert [each.name for each in file.parent.iterdir()] == [file.name]

    def test_provide_with_a_reference_file_needs_no_annotation_file(self, coco, file, tmp_path):
        self.sampler(coco).provide(file)
        self.sampler(tmp_path / "nowhere.json").provide(file)
        with pytest.raises(InputError, match=r"nowhere\.json: file not found; fetch it"):
            self.sampler(tmp_path / "nowhere.json", if_absent="fetch it").provide(tmp_path / "none.json")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"seed": 1}, "few_shot.seed is 0, expected 1; remove the file to recreate it"),
            ({"margin": 0}, "few_shot.margin is 10, expected 0"),
            ({"classes": [*CLASSES, "dog"]}, "does not contain class 'dog'; remove the file"),
        ],
    )
    def test_provide_rejects_a_file_of_other_options(self, coco, file, options, message):
        self.sampler(coco).provide(file)
        with pytest.raises(InputError, match=message) as caught:
            self.sampler(coco, **options).provide(file)
        assert "\n" not in str(caught.value)

    def test_provide_rejects_a_file_of_another_annotation_file(self, coco, edited, file):
        self.sampler(coco).provide(file)
        other = edited(lambda content: content["annotations"].pop())
        with pytest.raises(
            InputError, match=r"few_shot\.sha256 is '\w{64}', expected '\w{64}'; remove the file"
        ):
            self.sampler(other).provide(file)

    def test_provide_accepts_a_file_without_origin(self, coco, file):
        file.parent.mkdir()
        file.write_text("{}")
        self.sampler(coco).provide(file)
        assert file.read_text() == "{}"

    def test_provide_names_a_file_that_cannot_be_written(self, coco, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(
            InputError, match=r"few\.json: cannot be written \(.+\); set dataset\.reference_file"
        ):
            self.sampler(coco).provide(tmp_path / "file" / "few.json")
