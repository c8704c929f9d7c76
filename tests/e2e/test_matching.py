"""Ways to match, look-alikes and the score threshold through the command."""

import json

import pytest
import torch
from safetensors.torch import load_file

from ntt.memory.files import read_notes

QUICK = ["callbacks=predictions", "dataset.limit=1", "encoder.img_size=96"]


@pytest.mark.parametrize("scorer", ["soft_nearest", "optimal_transport"])
def test_scorers(train, run_dir, scorer):
    done = train(*QUICK, f"scorer={scorer}")
    assert done.returncode == 0, done.stderr
    assert {"bbox", "segm", "open_set"} <= set(json.loads((run_dir() / "metrics.json").read_text()))


def test_mined_hard_negatives_and_a_threshold_found_on_the_references(train, run_dir, miniature):
    done = train(*QUICK, "dataset.negatives=mined", "score_threshold=auto", "model.proposals.min_iou=-1")
    assert done.returncode == 0, done.stderr
    assert "fill_negatives: 4/4 references" in done.stdout
    assert "calibrate: 4/4 references" in done.stdout
    metrics = json.loads((run_dir() / "metrics.json").read_text())
    found = metrics["calibration"]
    assert len(found["present"]) + found["missed"] == len(found["absent"]) == 4
    results = json.loads((run_dir() / "predictions.json").read_text())
    assert all(result["score"] >= found["threshold"] for result in results)
    assert metrics["timing"]["calibrate"] > 0
    _, notes = read_notes(run_dir() / "memory.safetensors")
    assert float(notes["score_threshold"]) == pytest.approx(found["threshold"])


@pytest.mark.parametrize("model", ["guided", "matching_baseline"])
def test_networks_in_half_precision_and_the_paper_s_score(train, run_dir, model):
    everything = {
        "guided": ["model.proposals.max_prompts=16", "model.proposals.min_iou=-1"],
        "matching_baseline": [
            f"model.proposals.{key}"
            for key in ("points_per_side=4", "pred_iou_thresh=-1", "stability_score_thresh=0")
        ],
    }[model]
    words = [f"model={model}", *everything, "confidence=cosine", "trainer.precision=bf16-mixed"]
    done = train(*QUICK, *words, "segmenter.dtype=bfloat16", few="strict=false")
    assert done.returncode == 0, done.stderr
    assert json.loads((run_dir() / "predictions.json").read_text())
    assert load_file(run_dir() / "memory.safetensors")["vectors"].dtype == torch.float32


def test_hard_negatives_from_a_file_and_some_of_the_classes(train, run_dir, miniature):
    references = f"dataset.negatives={miniature}/references.json"
    done = train(*QUICK, references, "dataset.classes=[bar]")
    assert done.returncode == 0, done.stderr
    assert "fill_negatives: 4 hard negatives" in done.stdout
    results = json.loads((run_dir() / "predictions.json").read_text())
    assert {result["category_id"] for result in results} <= {7}


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("dataset.classes=[barr]", "Did you mean bar?"),
        ("dataset.negatives=nowhere.json", "nowhere.json: annotation file not found"),
        ("score_threshold=often", "score_threshold must be auto or a number, got often"),
    ],
)
def test_bad_words(train, word, line):
    done = train(word)
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
