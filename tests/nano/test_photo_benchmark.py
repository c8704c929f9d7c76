import importlib.util
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from forked import run_forked
from nano.backgrounds import Photographs
from nano.cutouts import CUT_OUTS, REPORTED_CLASSES, TUNING_CLASSES, CutOut
from nano.photo_benchmark import (
    PHOTOGRAPHS,
    PhotoBenchmark,
    build,
    packages_folder,
)
from ntt.data.photos import PhotoDataset, split_folder
from ntt.errors import InputError

CACHE = Path(os.environ.get("NTT_CACHE", Path.home() / ".cache" / "ntt"))
COLOURS = {"disc": (220, 30, 30), "square": (30, 200, 30), "ellipse": (30, 30, 220)}


def cut_out(name, colour, side=60):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., :3] = colour
    alpha = np.zeros((64, 64), np.uint8)
    axes = {"d": (30, 30), "s": (30, 29), "e": (30, 14), "x": (20, 30)}[name[0]]
    cv2.ellipse(alpha, (32, 32), axes, 0, 0, 360, 255, -1)
    pixels[..., 3] = alpha
    return CutOut(name, side, pixels)


@pytest.fixture(scope="module")
def backgrounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backgrounds")
    for name, grey in (("dark", 60), ("light", 190)):
        Image.fromarray(np.full((160, 200, 3), grey, np.uint8)).save(folder / f"{name}.png")
    return Photographs(folder)


@pytest.fixture(scope="module")
def benchmark(backgrounds):
    classes = {
        name: [cut_out(f"{name}{number}", colour) for number in range(3)] for name, colour in COLOURS.items()
    }
    return PhotoBenchmark(
        classes,
        [cut_out("x0", (250, 250, 0))],
        backgrounds,
        seed=3,
        scenes=24,
        empty=4,
        image_sides=(120, 200),
        reference_size=(160, 120),
        copies=0.5,
    )


@pytest.fixture(scope="module")
def drawn(benchmark, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "split"
    benchmark.write(folder)
    return folder


def content(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def opened(folder, part, image):
    return np.asarray(Image.open(folder / part / image["file_name"]))


def test_references_show_one_whole_object_of_each_class(drawn):
    references = content(drawn, "references")
    assert [each["category_id"] for each in references["annotations"]] == [1, 2, 3]
    for image, annotation in zip(references["images"], references["annotations"], strict=True):
        x, y, width, height = annotation["bbox"]
        assert x > 0
        assert y > 0
        assert x + width < image["width"]
        assert y + height < image["height"]
        # Rotation slightly enlarges the box.
        assert 0.3 < max(width, height) / min(image["width"], image["height"]) < 0.8


def test_a_small_cut_out_has_a_small_reference_image(benchmark):
    scene = benchmark.reference(np.random.default_rng(0), cut_out("d9", (9, 9, 9), side=15), 0)
    assert scene.image.shape[:2] == (86, 114)
    assert scene.masks[0].any(0).sum() <= 31


def test_masks_match_the_colour_of_their_class(drawn):
    targets = content(drawn, "targets")
    images = {image["id"]: opened(drawn, "targets", image) for image in targets["images"]}
    for annotation in targets["annotations"]:
        mask = coco_mask.decode(annotation["segmentation"])
        assert annotation["area"] == mask.sum() > 0
        inside = cv2.erode(mask, np.ones((5, 5), np.uint8)).astype(bool)
        strongest = images[annotation["image_id"]][inside].mean(0).argmax()
        assert strongest == annotation["category_id"] - 1
    for identity, image in images.items():
        mine = [each["segmentation"] for each in targets["annotations"] if each["image_id"] == identity]
        covered = sum(coco_mask.decode(each).astype(int) for each in mine)
        assert covered.max() == 1, "masks show visible parts only, so they do not overlap"
        around = cv2.dilate(covered.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
        # Only objects and the yellow distractors have saturated colours.
        red, green, _ = image[around].T
        colourful = (np.ptp(image[around].astype(int), axis=1) > 110) & ~((red > 120) & (green > 120))
        assert colourful.mean() < 0.01, identity


def test_target_images_have_the_configured_objects_classes_and_sizes(drawn):
    targets = content(drawn, "targets")
    assert len(targets["images"]) == 24
    shapes = set()
    for image in targets["images"]:
        labels = [a["category_id"] for a in targets["annotations"] if a["image_id"] == image["id"]]
        assert 1 <= len(labels) <= 6
        shapes.add((image["width"], image["height"]))
        assert opened(drawn, "targets", image).shape[:2] == (image["height"], image["width"])
        assert 120 <= min(image["width"], image["height"]) <= max(image["width"], image["height"]) <= 200
    assert any(width != height for width, height in shapes)
    assert {each["category_id"] for each in targets["annotations"]} == {1, 2, 3}


@pytest.mark.parametrize(("shots", "kept"), [(1, 1), (2, 2), (9, 2)])
def test_references_are_not_among_the_target_cut_outs(benchmark, shots, kept):
    benchmark = PhotoBenchmark(benchmark.classes, benchmark.distractors, benchmark.backgrounds, shots=shots)
    for name, all_ in benchmark.classes.items():
        references, targets = benchmark.references[name], benchmark.target_cut_outs[name]
        assert [*references, *targets] == all_
        assert len(references) == kept
    references = {each.name for some in benchmark.references.values() for each in some}
    drawn = {benchmark._cut_out(np.random.default_rng(seed), seed % 3).name for seed in range(60)}
    assert not drawn & references


def test_more_shots_add_references_in_rounds(benchmark, tmp_path):
    few = PhotoBenchmark(
        benchmark.classes,
        benchmark.distractors,
        benchmark.backgrounds,
        shots=3,
        scenes=1,
        empty=1,
        image_sides=(96, 120),
        reference_size=(96, 96),
    )
    few.write(tmp_path / "split")
    ids = [each["category_id"] for each in content(tmp_path / "split", "references")["annotations"]]
    assert ids == [1, 2, 3, 1, 2, 3], "one cut-out of each class is kept for the targets"


def test_empty_scenes_contain_distractors_only(drawn):
    empty = content(drawn, "empty")
    assert len(empty["images"]) == 4
    assert empty["annotations"] == []
    for image in empty["images"]:
        pixels = opened(drawn, "empty", image).astype(int)
        yellow = np.minimum(pixels[..., 0], pixels[..., 1]) - pixels[..., 2] > 60
        colourful = np.ptp(pixels, axis=-1) > 110
        assert yellow.any()
        assert (colourful & ~yellow).mean() < 0.01


def test_enlargement_of_objects_is_limited(backgrounds):
    classes = {"disc": [cut_out("d0", (200, 0, 0), side=10), cut_out("d1", (200, 0, 0), side=10)]}
    small = PhotoBenchmark(classes, [], backgrounds, image_sides=(150, 160), distracting=0)
    for seed in range(5):
        scene = small.target(np.random.default_rng(seed), [0])
        assert max(mask.any(0).sum() for mask in scene.masks) <= 22


def test_copies_touch_and_stay_visible(benchmark):
    counts = []
    for seed in range(8):
        scene = benchmark._scene(np.random.default_rng(seed), [0], 0, copied=True)
        near = [
            cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) for mask in scene.masks
        ]
        counts.append(len(near))
        if len(near) > 1:
            assert all(any((one & two).any() for two in near if two is not one) for one in near)
    assert set(counts) <= {1, 3, 4, 5}
    assert max(counts) > 2


def test_equal_seeds_give_identical_files(benchmark, drawn, tmp_path):
    benchmark.write(tmp_path / "again")
    files = [file.relative_to(drawn) for file in sorted(drawn.rglob("*")) if file.is_file()]
    assert len(files) == 3 + 3 + 24 + 4
    for file in files:
        assert (drawn / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file


def test_dataset_reads_the_generated_benchmark(benchmark, tmp_path):
    benchmark.write(split_folder(tmp_path, "tuning", 1))
    targets, empty = (PhotoDataset(tmp_path, part=part, limit=3) for part in ("targets", "empty"))
    for dataset in (targets, empty):
        dataset.check()
        assert dataset.class_names == ("disc", "square", "ellipse")
        assert len(dataset.references) == len(dataset.targets) == 3
    assert len(targets.ground_truth.anns) > 0
    assert empty.ground_truth.anns == {}


def test_a_missing_benchmark_error_contains_the_given_command(tmp_path):
    dataset = PhotoDataset(tmp_path, if_absent="draw it with: python scripts/benchmarks/photos.py --build")
    with pytest.raises(InputError, match=r"references\.json.*python scripts/benchmarks/photos\.py --build"):
        dataset.check()


@pytest.mark.parametrize("field", ["split", "part"])
def test_an_unknown_split_or_part_is_rejected_with_the_known_ones(tmp_path, field):
    with pytest.raises(InputError, match=rf"dataset\.{field} must be one of t.*, got nonsense"):
        PhotoDataset(tmp_path, **{field: "nonsense"})


def test_no_class_is_both_tuned_and_reported_on():
    names = [
        {name for names in classes.values() for name in names}
        for classes in (TUNING_CLASSES, REPORTED_CLASSES)
    ]
    assert not names[0] & names[1]
    assert not set(TUNING_CLASSES) & set(REPORTED_CLASSES)


def test_existing_splits_are_not_generated_again(tmp_path):
    for split in ("tuning", "reported"):
        split_folder(tmp_path, split, 1).mkdir(parents=True)
    roots = build(tmp_path, tmp_path / "no packages")
    assert [root.name for root in roots] == ["tuning_1_shot", "reported_1_shot"]


@pytest.mark.slow
def test_a_split_is_generated_from_the_packages(tmp_path):
    packages = packages_folder(CACHE)
    missing = [name for name in (CUT_OUTS, *PHOTOGRAPHS) if not (packages / name).exists()]
    if missing:
        pytest.skip(f"needs the Debian packages {', '.join(missing)} in {packages}")
    build(tmp_path, packages, ["tuning"])
    dataset = PhotoDataset(tmp_path)
    dataset.check()
    assert set(dataset.class_names) == set(TUNING_CLASSES)
    assert len(dataset.references) == 6
    assert len(dataset.targets) == 40


@pytest.fixture
def script(project_root):
    file = project_root / "scripts" / "benchmarks" / "photos.py"
    spec = importlib.util.spec_from_file_location("photos", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entry(image, category, columns, score=None):
    mask = np.zeros((4, 10), np.uint8, order="F")
    mask[:, columns] = 1
    rle = coco_mask.encode(mask)
    segmentation = {"size": [4, 10], "counts": rle["counts"].decode()}
    more = {} if score is None else {"score": score}
    return {"image_id": image, "category_id": category, "segmentation": segmentation, **more}


def test_iou_of_unions_is_summed_over_images_and_averaged_over_classes(script):
    truth = [entry(1, 1, slice(0, 2)), entry(1, 1, slice(2, 4)), entry(2, 2, slice(0, 5))]
    results = [
        entry(1, 1, slice(0, 3), 0.9),
        entry(1, 1, slice(2, 4), 0.8),
        entry(2, 1, slice(6, 10), 0.3),  # a false positive in an image without the class
        entry(3, 2, slice(0, 5), 0.9),  # on an excluded image
    ]
    unions = script.ClassUnions([1, 2], truth, results)
    assert unions.mean_iou(0.5) == pytest.approx((4 / 4 + 0) / 2)
    assert unions.mean_iou(0.0) == pytest.approx((4 / 8 + 0) / 2)
    assert unions.mean_image_iou(0.0) == pytest.approx((1 + 0) / 2)
    assert unions.mean_iou(0.85) == pytest.approx((3 / 4 + 0) / 2)
    assert max(unions.mean_iou(each) for each in unions.thresholds()) == pytest.approx(0.5)
    assert script.ClassUnions([1, 2], truth, []).mean_iou(0.0) == 0


def test_object_scores_take_the_best_instance_of_the_class_that_covers_the_object(script):
    truth = [
        entry(1, 1, slice(0, 4)),
        entry(1, 2, slice(0, 4)),
        entry(2, 1, slice(0, 4)),
        entry(3, 1, slice(0, 4)),
    ]
    results = [
        entry(1, 1, slice(0, 2), 0.4),  # IoU 0.5
        entry(1, 1, slice(0, 3), 0.3),
        entry(1, 1, slice(3, 6), 0.9),  # IoU 1/6
        entry(1, 2, slice(0, 1), 0.8),
        entry(3, 1, slice(0, 4), 0.7),  # of an image that is left out
    ]
    assert script.object_scores(truth, results, {1, 2}) == [0.4, None, None]


def test_a_folder_of_images_and_masks_becomes_a_coco_file(script, tmp_path):
    for number in (1, 2, 10):
        Image.new("RGB", (8, 6)).save(tmp_path / f"{number}.jpg")
        mask = np.zeros((6, 8), np.uint8)
        mask[: number % 5 + 1] = 255
        Image.fromarray(mask).save(tmp_path / f"{number}_mask.png")
    Image.new("RGB", (8, 6)).save(tmp_path / "11.jpg")
    images = script.fss_images(tmp_path)
    assert [each.name for each in images] == ["1.jpg", "2.jpg", "10.jpg"]
    written = script.write_coco(tmp_path / "truth.json", images)
    assert [each["area"] for each in written["annotations"]] == [16, 24, 8]


def test_help_works_and_a_folder_without_masks_gives_a_one_line_error(project_root, tmp_path):
    script = project_root / "scripts" / "benchmarks" / "photos.py"
    assert "--split" in run_forked([script, "--help"]).stdout
    done = run_forked([script, "--folder", tmp_path, "--fss", tmp_path], cwd=tmp_path)
    assert done.returncode == 2
    assert "must contain at least two images N.jpg with N_mask.png, got 0" in done.stderr
