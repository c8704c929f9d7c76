from types import SimpleNamespace

import pytest
from torch import nn

from ntt.reporting.metrics import run_metrics


def network(**attributes):
    linear = nn.Linear(3, 2)
    for name, value in attributes.items():
        setattr(linear, name, value)
    return linear


@pytest.fixture
def model():
    class Memory(list):
        nbytes = 64
        class_names = ("boat", "bird")

    return SimpleNamespace(
        encoder=network(name="tiny", random_weights=True, embed_dim=2, img_size=32),
        segmenter=network(name="sam", random_weights=False, image_size=64),
        memory=Memory([1, 2, 3]),
    )


def test_says_what_ran_and_how_fast(model):
    seconds = {"fill_memory": 2.0, "postprocess_memory": 0.1, "encode": 1.0, "propose": 2.0, "match": 1.0}
    metrics = run_metrics({"segm": {"AP": 0.5}}, model, seconds, images=8)
    assert metrics["segm"] == {"AP": 0.5}
    assert metrics["timing"]["test"] == 4.0
    assert metrics["timing"]["images_per_second"] == 2.0
    assert metrics["encoder"] == {
        "name": "tiny",
        "parameters": 8,
        "random_weights": True,
        "dim": 2,
        "img_size": 32,
    }
    assert metrics["memory_bank"] == {"bytes": 64, "instances": 3, "classes": 2}


def test_no_image_has_no_speed(model):
    assert run_metrics({}, model, {}, images=0)["timing"]["images_per_second"] is None
