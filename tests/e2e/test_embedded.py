"""Every way to match on the embedded data with the embedded models, few classes and scenes for the time."""

import json

import pytest

EMBEDDED = ["dataset.classes=[boat,car]", "dataset.shots=2", "dataset.limit=3", "callbacks=predictions"]


@pytest.fixture
def embedded(train, tmp_path):
    """The metrics of a run; a further one has another number."""

    def call(*words, number=1):
        folder = tmp_path / f"run {number}"
        few = "model.memory.batch_size=4"  # the model's own number of prompts, whichever it is
        done = train(*EMBEDDED, *words, f"hydra.run.dir={folder}", data=(), few=few)
        assert done.returncode == 0, done.stderr
        assert "random weights" not in done.stdout
        return json.loads((folder / "metrics.json").read_text())

    return call


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["model=matching_baseline"], marks=pytest.mark.slow),
        ["scorer=optimal_transport"],
        pytest.param(["scorer=soft_nearest", "dataset.negatives=mined"], marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_something_is_found(embedded, words):
    metrics = embedded(*words)
    assert metrics["segm"]["AP50"] > 0
    assert metrics["open_set"]["recall"] > 0


@pytest.mark.slow
def test_a_threshold_found_on_the_references_leaves_out_what_scores_less(embedded, tmp_path):
    threshold = embedded("score_threshold=auto", number=1)["calibration"]["threshold"]
    embedded(number=2)
    some, everything = (
        json.loads((tmp_path / f"run {number}" / "predictions.json").read_text()) for number in (1, 2)
    )
    assert 0 < threshold < 1
    assert some == [result for result in everything if result["score"] >= threshold]
    assert len(some) < len(everything)


def test_a_map_of_classes(embedded):
    semantic = embedded("task=semantic")["semantic"]
    assert 0 < semantic["mIoU"] < 1
    assert set(semantic["per_class"]) == {"boat", "car"}


def test_boxes_in_place_of_masks(embedded, project_root, tmp_path):
    content = json.loads((project_root / "data" / "emoji" / "references.json").read_text())
    for annotation in content["annotations"]:
        del annotation["segmentation"]
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps(content))
    metrics = embedded(f"dataset.reference_file={file}")
    assert metrics["timing"]["mask_references"] > 0
    assert metrics["segm"]["AP50"] > 0
    made = json.loads((tmp_path / "boxes.masks.json").read_text())["annotations"]
    assert sum("mask_source" in annotation for annotation in made) == 4
