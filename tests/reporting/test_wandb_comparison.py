import time

import numpy as np
import pytest
import wandb

from ntt.reporting.wandb_comparison import LoggedRun, class_differences, disagreements, log_comparison, pairs
from wandb_files import read_records, values


def image(shade):
    return wandb.Image(np.full((8, 8, 3), shade, dtype=np.uint8))


def logged(id, family, size="nano", boat=0.5, matches=(("1", 0.5), ("2", 0.5))):
    """A run as the API shows it."""
    config = {"family": family, "size": size, "choices": {"model": "guided", "dataset": "emoji"}}
    summary = {
        "per_class/boat/segm": boat,
        "per_class/boat/bbox": 0.9,
        "segm/AP": boat,
        "per_class/a/b/segm": 0.0,
    }
    rows = [[image_id, f"{image_id}.jpg", image(0), image(9), match] for image_id, match in matches]
    return LoggedRun.of(id, config, summary, rows)


def test_of_a_run_masks_are_compared_and_boxes_where_there_are_none():
    assert logged("x", "dinov2").per_class == {"boat": 0.5, "a/b": 0.0}
    boxes = LoggedRun.of("x", {"family": "dinov2", "size": "nano"}, {"per_class/boat/bbox": 0.9}, [])
    assert boxes.per_class == {"boat": 0.9}


def test_the_last_run_of_each_family_is_paired_in_the_same_setting():
    runs = [
        logged("old", "dinov2"),
        logged("b", "dinov3"),
        logged("new", "dinov2"),
        logged("alone", "dinov3", size="giant"),
    ]
    assert [(v2.id, v3.id) for v2, v3 in pairs(runs)] == [("new", "b")]


def test_classes_are_ordered_by_what_dinov3_gains():
    rows = class_differences([(logged("x", "dinov2", boat=0.25), logged("y", "dinov3", boat=0.75))])
    assert rows == [["boat (nano guided emoji)", 0.25, 0.75, 0.5], ["a/b (nano guided emoji)", 0, 0, 0]]


def test_images_are_ordered_by_how_much_the_families_disagree():
    v2 = logged("x", "dinov2", matches=[("1", 0.5), ("2", 0.9), ("3", None), ("4", 0.1)])
    v3 = logged("y", "dinov3", matches=[("1", 0.6), ("2", 0.1), ("3", 0.7), ("5", 0.1)])
    rows = disagreements([(v2, v3)])
    assert [(row[1], row[2]) for row in rows] == [("2", "2.jpg"), ("1", "1.jpg")]
    assert rows[0][-3:] == pytest.approx([0.9, 0.1, -0.8])
    assert rows[0][4] is v2.images["2"].prediction
    assert rows[0][5] is v3.images["2"].prediction
    assert len(disagreements([(v2, v3)], count=1)) == 1


def test_the_comparison_is_a_run_with_both_tables(tmp_path):
    compared = [(logged("x", "dinov2"), logged("y", "dinov3", boat=0.75))]
    with wandb.init(project="p", mode="offline", dir=tmp_path, settings=wandb.Settings(silent=True)) as run:
        log_comparison(run, compared)
    history, deadline = {}, time.monotonic() + 30
    while "class_differences.nrows" not in history and time.monotonic() < deadline:  # W&B writes by itself
        for record in read_records(tmp_path):
            history |= values(record.history.item)
    assert (history["class_differences.nrows"], history["disagreements.nrows"]) == (2, 2)
