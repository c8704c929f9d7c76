"""All combinations of encoders, models and datasets."""

from itertools import product
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).resolve().parents[2] / "conf"
ENCODERS, MODELS, DATASETS = (
    sorted(file.stem for file in (CONF / group).glob("*.yaml")) for group in ("encoder", "model", "dataset")
)
# Every encoder and dataset, and every model several times; the slow test composes all combinations.
SOME = [
    (ENCODERS[i % len(ENCODERS)], MODELS[i % len(MODELS)], DATASETS[i % len(DATASETS)])
    for i in range(max(map(len, (ENCODERS, MODELS, DATASETS))))
]
# Encoders that need no download, and options that reduce the number of prompts.
AT_HAND = [
    name for name in ENCODERS if "nano" in name or name in ("efficientnet_lite0", "ensemble", "untrained")
]
FEW_PROMPTS = {"points_per_side": 4, "max_prompts": 16}


@pytest.fixture(scope="module", autouse=True)
def conf():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def composed(encoder, model, dataset, *words):
    groups = [f"encoder={encoder}", f"model={model}", f"dataset={dataset}"]
    return compose("train", [*groups, "paths.output=null", *words])


@pytest.mark.parametrize(
    "combinations",
    [
        pytest.param(SOME, id="some"),
        pytest.param([*product(ENCODERS, MODELS, DATASETS)], id="all", marks=pytest.mark.slow),
    ],
)
def test_every_combination_composes(combinations):
    for encoder, model, dataset in combinations:
        cfg = composed(encoder, model, dataset)
        node = OmegaConf.to_container(cfg.model, resolve=True)
        assert node["encoder"] == OmegaConf.to_container(cfg.encoder, resolve=True), (encoder, model, dataset)
        assert node["segmenter"]["name"] == "sam2_nano"
        assert cfg.dataset._target_.startswith("ntt.")


@pytest.mark.parametrize(
    ("encoder", "model"),
    [(AT_HAND[i % len(AT_HAND)], model) for i, model in enumerate(MODELS)],
)
def test_every_model_runs_with_an_available_encoder(miniature_overrides, encoder, model):
    data = [word for word in miniature_overrides if word.startswith("dataset.")]
    segmenter = "sam2_lite" if model == "photographs" else "sam2_nano"
    cfg = composed(encoder, model, "custom", *data, "dataset.limit=2", f"segmenter={segmenter}")
    for option in FEW_PROMPTS.keys() & cfg.model.proposals.keys():
        cfg.model.proposals[option] = FEW_PROMPTS[option]
    dataset, network = instantiate(cfg.dataset), instantiate(cfg.model)
    network.fit(dataset.references, dataset.class_names)
    for target in dataset.targets:
        found = network.predict(target.image)
        assert found.masks.shape == (len(found), *target.image.shape[1:])
        assert set(found.labels.tolist()) <= {0, 1}
