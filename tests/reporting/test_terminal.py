from io import StringIO

import pytest
from rich.console import Console

from ntt.reporting.terminal import print_run


@pytest.fixture
def printed(tmp_path):
    def call(metrics):
        console = Console(file=StringIO(), width=80)
        print_run(metrics, tmp_path, console)
        return console.file.getvalue()

    return call


def row(text, start):
    return next(line for line in text.splitlines() if line.startswith(start)).split()


def test_shows_precision_and_oracles(printed, metrics):
    text = printed(metrics)
    assert row(text, " bbox")[1:] == ["0.250"] * 7
    assert row(text, " segm ")[1:] == ["0.123", "0.123", "0.123", "-", "0.123", "0.123", "0.123"]
    assert "0.430" in text
    assert "0.610" in text
    assert row(text, " boat")[:2] == ["boat", "0.100"]
    assert "1.78 images/s" in text
    assert "encode 1.0, propose 2.0, match 1.0, refine 0.5 s" in text


def test_a_run_from_before_refinement_has_no_time_of_it(printed, metrics):
    del metrics["timing"]["refine"]
    assert "encode 1.0, propose 2.0, match 1.0 s" in printed(metrics)


def test_fits_80_columns(printed, metrics):
    metrics["per_class"] = {f"class number {n}": {"bbox": 0.1, "segm": 0.1} for n in range(21)}
    text = printed(metrics)
    assert all(f"class number {n} " in text for n in range(21))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80


def test_other_benchmarks_have_other_columns(printed, metrics):
    lvis = dict.fromkeys(("AP", "AP50", "AP75", "APs", "APm", "APl", "APr", "APc", "APf", "AR300"), 0.3)
    metrics |= {"protocol": "LVIS", "bbox": lvis, "segm": lvis}
    metrics["oracle"] = {key: {"bbox": lvis, "segm": lvis} for key in metrics["oracle"]}
    text = printed(metrics)
    assert "LVIS average precision" in text
    assert row(text, " segm ")[1:] == ["0.300"] * 10
    assert "AR300" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80


def test_recall_of_proposals_is_shown_if_it_was_measured(printed, metrics):
    assert "proposal recall" not in printed(metrics)
    metrics["proposal_recall"] = {"segm": {"AR100": 0.5, "AR1000": None}}
    assert "segm AR100 0.500, AR1000 -" in printed(metrics)


def test_boxes_are_shown_where_masks_were_not_judged(printed, metrics):
    metrics["proposal_recall"] = {"bbox": {"AR100": 0.5}}
    for part in (metrics, *metrics["oracle"].values(), *metrics["per_class"].values()):
        part.pop("segm")
    text = printed(metrics)
    assert row(text, " bbox with oracle labels")[-1] == "0.500"
    assert "bbox AR100 0.500" in text
    assert "segm" not in text


def test_says_where_the_pictures_lie(printed, metrics, tmp_path):
    (tmp_path / "visualizations").mkdir()
    text = printed(metrics)
    assert str(tmp_path / "visualizations") in text
    assert "predictions.json" not in text


def test_without_ground_truth_there_is_no_table(printed, metrics):
    for key in ("bbox", "segm", "per_class", "oracle"):
        del metrics[key]
    text = printed(metrics)
    assert "AP" not in text
    assert "images/s" in text


def test_shows_semantic_segmentation(printed, metrics):
    assert "mIoU" not in printed(metrics)
    metrics["semantic"] = {"mIoU": 0.456, "FB-IoU": 0.789, "per_class": {"boat": 0.456, "bird": None}}
    text = printed(metrics)
    assert "mIoU 0.456, FB-IoU 0.789" in text
    assert row(text[text.index("IoU by class") :], " boat") == ["boat", "0.456", "bird", "-"]


def test_warns_of_random_weights(printed, metrics):
    assert "Random weights" not in printed(metrics)
    metrics["encoder"]["random_weights"] = True
    assert "Random weights in tiny" in printed(metrics)


def test_counts_what_was_skipped(printed, metrics):
    assert "skipped" not in printed(metrics)
    metrics["skipped"] = [{"file": "a.jpg", "reason": "no such picture"}]
    assert "Skipped 1 unreadable target images; see metrics.json." in printed(metrics)


def test_names_of_classes_are_shown_as_they_are(printed, metrics):
    metrics["per_class"] = {"[/red] cup": {"bbox": 0.1, "segm": 0.1}}
    assert "[/red] cup" in printed(metrics)
