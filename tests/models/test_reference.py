"""The optimised grid, compared with the naive reference."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from benchmarks.comparison import same_detections
from ntt.evaluation import coco_results

WORDS = ["paths.output=null", "dataset.shots=1", "dataset.limit=2"]


@pytest.fixture(scope="module")
def detections(project_root):
    """Compute COCO results on two emoji scenes for the given overrides."""

    def run(*words):
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            cfg = compose("train", overrides=[*WORDS, *words])
        dataset, model = instantiate(cfg.dataset), instantiate(cfg.model)
        model.fit(dataset.references, dataset.class_names)
        with torch.no_grad():
            found = [model.predict(target.image) for target in dataset.targets]
        return [coco_results(number, each, dataset.category_ids) for number, each in enumerate(found)]

    return run


def test_exact_grid_equals_the_reference_and_the_default_is_close(detections):
    grid = ("model=matching_baseline_noamg", "model.proposals.points_per_side=12")
    reference = detections("model=reference", "model.proposals.points_per_side=12")
    assert all(reference), "every scene has detections"
    exact = detections(*grid, "model.matcher.exact=true")
    assert [same_detections(*pair) for pair in zip(exact, reference, strict=True)] == [1.0, 1.0]
    default = detections(*grid)
    for one, other in zip(default, reference, strict=True):
        assert len(one) == len(other)
        scores = [[result["score"] for result in results] for results in (one, other)]
        torch.testing.assert_close(*map(torch.tensor, scores), atol=0.05, rtol=0)
