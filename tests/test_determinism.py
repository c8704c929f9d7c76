"""The same seed gives the same results, however the work is arranged."""

import json
from shutil import rmtree

import pytest
import torch
from safetensors.torch import load_file

from miniatures import make_coco
from whole_runs import whole_run

SMALL = ("encoder.img_size=96", "segmenter.image_size=256", "~callbacks.visualizations")


@pytest.fixture
def results(miniature_overrides, tmp_path):
    """What a run writes and its metrics, without those that time and memory have in them."""

    def call(name, *words):
        folder = tmp_path / name
        metrics = whole_run(folder, [*miniature_overrides, *SMALL, *words])
        same = {key: value for key, value in metrics.items() if key not in ("timing", "peak_memory")}
        predictions = (folder / "predictions.json").read_bytes()
        assert json.loads(predictions), "there is something to compare"
        return same, predictions, (folder / "memory.safetensors").read_bytes()

    return call


def test_a_run_repeated_gives_the_same_results(results):
    assert results("first") == results("second")


@pytest.mark.parametrize("words", [["loader_workers=2"], ["image_batch=2"], ["model.memory.batch_size=3"]])
def test_workers_and_batches_make_no_difference(results, words):
    assert results("arranged", *words) == results("plain")


def test_a_seed_draws_its_own_references(tmp_path):
    make_coco(tmp_path / "coco")
    words = [f"paths.data={tmp_path}", "dataset=coco_fewshot", "dataset.shots=1", "dataset.limit=1"]
    words += [*SMALL[:2], "callbacks=predictions"]

    def drawn(name, seed):
        whole_run(tmp_path / name, [*words, f"seed={seed}"])
        (file,) = (tmp_path / "coco" / "few_shot").rglob("*.json")
        annotations = [entry["id"] for entry in json.loads(file.read_text())["annotations"]]
        rmtree(tmp_path / "coco" / "few_shot")  # so that the next run draws as well
        return annotations, load_file(tmp_path / name / "memory.safetensors")["vectors"]

    (ids, vectors), (same_ids, same_vectors), (other_ids, other_vectors) = (
        drawn(name, seed) for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )
    assert ids == same_ids
    assert torch.equal(vectors, same_vectors)
    assert ids != other_ids
    assert not torch.equal(vectors, other_vectors)
