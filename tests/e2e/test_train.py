"""The real command, with untrained models on a miniature data set."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from safetensors import safe_open

PRECISION = {"AP", "AP50", "AP75", "APs", "APm", "APl", "AR100"}


def test_a_run_leaves_everything(train, run_dir, miniature):
    result = train("dataset.limit=2", "callbacks.visualizations.images=1", "logger=csv")
    assert result.returncode == 0, result.stderr
    folder = run_dir()
    assert str(folder / "visualizations") in result.stdout
    assert "COCO average precision" in result.stdout
    assert "fill_memory: 4/4 references" in result.stdout
    assert "test: 2/2 images" in result.stdout
    assert "dinov3_nano runs with random weights" in result.stdout

    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(metrics["bbox"]) == set(metrics["segm"]) == PRECISION
    assert metrics["protocol"] == "COCO"
    assert set(metrics["per_class"]) == {"disc", "bar"}
    assert set(metrics["proposal_recall"]["segm"]) == {"AR100", "AR1000"}
    assert set(metrics["oracle"]) == {"true_labels", "true_masks"}
    assert metrics["timing"]["images"] == 2
    assert metrics["timing"]["test"] > metrics["timing"]["encode"] > 0
    assert metrics["encoder"]["name"] == "dinov3_nano"
    assert metrics["encoder"]["random_weights"] is True
    assert (metrics["encoder"]["dim"], metrics["encoder"]["img_size"]) == (192, 384)
    assert metrics["memory_bank"]["bytes"] > 4 * 192 * 4

    results = json.loads((folder / "predictions.json").read_text())
    assert {result["image_id"] for result in results} == {1, 2}
    assert {result["category_id"] for result in results} <= {3, 7}
    COCO(miniature / "targets.json").loadRes(str(folder / "predictions.json"))

    with safe_open(folder / "memory.safetensors", framework="pt") as memory:
        assert memory.get_tensor("prototypes").shape == (2, 192)
    pictures = sorted(
        path.relative_to(folder / "visualizations").as_posix() for path in folder.rglob("*.png")
    )
    assert pictures == ["features/0.png", "instances/0.png", "references.png", "similarity/0.png"]
    assert (folder / "csv" / "metrics.csv").is_file()
    assert "dinov3_nano" in (folder / "config.yaml").read_text()
    assert "test: 2/2 images" in (folder / "train.log").read_text()


@pytest.mark.slow
def test_the_same_command_gives_the_same_numbers(train, miniature):
    words = ["dataset.limit=1", "callbacks=predictions", "encoder=efficientnet_lite0"]
    data = {name: f"{miniature}/{name}" for name in ("first", "second")}
    predictions = []
    for folder in data.values():
        result = train(*words, f"hydra.run.dir={folder}")
        assert result.returncode == 0, result.stderr
        predictions.append((miniature / folder / "predictions.json").read_text())
    assert predictions[0] == predictions[1]


def test_a_sweep_ends_with_a_comparison(train, run_dir):
    result = train(
        "encoder=dinov2_nano,dinov3_nano", "dataset.limit=1", "callbacks=predictions", flags=["-m"]
    )
    assert result.returncode == 0, result.stderr
    sweep = run_dir()
    assert sorted(path.name for path in sweep.glob("*_*")) == ["0_dinov2_nano", "1_dinov3_nano"]
    table = result.stdout[result.stdout.index("Comparison") :]
    assert table.index("encoder=dinov2_nano") < table.index("encoder=dinov3_nano")
    assert str(sweep) in table
    report = (sweep / "report.md").read_text()
    assert "minus encoder=dinov" in report
    assert "too few images" in report, "the data could be read again"


def test_help_and_config_are_readable(train):
    shown = train("--help", data=())
    assert shown.returncode == 0
    assert "encoder: dinov2_base" in shown.stdout
    assert "python train.py -m encoder=dinov2_nano,dinov3_nano" in shown.stdout
    config = train("--cfg", "job", "--package", "encoder", data=("encoder=dinov3_giant",))
    assert config.returncode == 0
    assert "name: dinov3_giant" in config.stdout
    assert config.stdout.count("\n") < 20


def test_without_ground_truth_there_are_predictions_and_pictures(train, run_dir):
    result = train("dataset.target_file=null", "dataset.limit=1")
    assert result.returncode == 0, result.stderr
    folder = run_dir()
    assert "COCO average precision" not in result.stdout
    assert not {"bbox", "segm", "oracle"} & set(json.loads((folder / "metrics.json").read_text()))
    assert (folder / "predictions.json").is_file()
    assert (folder / "visualizations" / "instances" / "0.png").is_file()


def test_semantic_output_is_what_metrics_say(train, run_dir, miniature):
    words = ["task=semantic", "task.score_threshold=0", "callbacks.visualizations.images=1"]
    result = train(*words, "~callbacks.oracle")
    assert result.returncode == 0, result.stderr
    folder = run_dir()
    assert "Semantic segmentation" in result.stdout
    assert str(folder / "semantic") in result.stdout
    assert (folder / "predictions.json").is_file()
    assert [path.name for path in (folder / "visualizations" / "semantic").iterdir()] == ["0.png"]
    legend = json.loads((folder / "semantic" / "classes.json").read_text())
    assert [entry["name"] for entry in legend] == ["background", "disc", "bar"]

    # Discs and bars of a picture do not overlap, so pycocotools' masks are the truth.
    coco, counts = COCO(miniature / "targets.json"), np.zeros((2, 3))
    for image_id, image in coco.imgs.items():
        predicted = np.asarray(Image.open(folder / "semantic" / image["file_name"]))
        for row, category in enumerate((3, 7)):
            (annotation,) = coco.loadAnns(coco.getAnnIds(image_id, category))
            true, found = coco.annToMask(annotation) > 0, predicted == row + 1
            counts[row] += [(true & found).sum(), (true | found).sum(), found.sum()]
    assert counts[:, 2].sum() > 0, "there is something to judge"
    metrics = json.loads((folder / "metrics.json").read_text())["semantic"]
    expected = counts[:, 0] / counts[:, 1]
    assert list(metrics["per_class"].values()) == pytest.approx(expected.tolist())
    assert metrics["mIoU"] == pytest.approx(expected.mean())
