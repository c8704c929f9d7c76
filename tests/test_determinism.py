"""The same seed gives the same results, however the work is arranged."""

import json

import pytest

from whole_runs import whole_run


@pytest.fixture
def results(miniature_overrides, tmp_path):
    def call(name, *words):
        folder = tmp_path / name
        metrics = whole_run(folder, [*miniature_overrides, *words])
        same = {key: value for key, value in metrics.items() if key not in ("timing", "peak_memory")}
        return same, (folder / "predictions.json").read_bytes(), (folder / "memory.safetensors").read_bytes()

    return call


def test_twice_the_same(results):
    assert results("first") == results("second")


@pytest.mark.parametrize("words", [["loader_workers=2"], ["image_batch=2"], ["model.memory.batch_size=3"]])
def test_workers_and_batches_make_no_difference(results, words):
    assert results("arranged", *words) == results("plain")


def test_another_seed_draws_other_references(results):
    seeds = [results(f"seed{seed}", "dataset.shots=1", f"seed={seed}")[1] for seed in (0, 1)]
    assert json.loads(seeds[0])
