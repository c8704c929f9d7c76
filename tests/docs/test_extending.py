"""What docs/extending.md adds can be used: its files lie where it says, and its commands' models segment."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from documents import blocks, commands

PAGE = "docs/extending.md"
COMMANDS = [command for command in commands() if command.place.startswith(PAGE)]
FILES = [block.title for block in blocks() if block.page == PAGE and block.title]


@pytest.fixture
def build(workplace, project_root):
    """The model and the dataset of some words."""

    def call(*words):
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            cfg = compose("train", [*words, "paths.output=null"])
        return instantiate(cfg.model), instantiate(cfg.dataset)

    return call


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_its_commands_segment(build, command):
    model, dataset = build(*command.words[2:])
    assert not model.encoder.random_weights, (
        "the contract has a default for what metrics.json asks of an encoder"
    )
    model.fit(dataset.references, dataset.class_names)
    assert set(model.memory.class_names) == {"elephant", "bird"}
    found = model.predict(dataset.targets[0].image)
    assert len(found.scores)
    assert torch.isfinite(found.scores).all()


def test_the_furthest_instance_decides(workplace):
    from mine.furthest import FurthestInstance

    from ntt.matching import Queries
    from ntt.memory import MemoryBank

    east, north = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    memory = MemoryBank(("either", "north"), fingerprint="")
    for vector, label in ((east, 0), (north, 0), (north, 1)):
        memory.add(vector[None, None], torch.ones(1, 1), label)
    queries = Queries(north[None], torch.ones(1, 1))
    assert FurthestInstance()(queries, memory).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("option", ["resnet", "dinov3_tiny"])
def test_the_other_encoders_build(build, monkeypatch, option):
    from ntt.encoders.configs import DINOV3_CONFIGS, DINOv3Config

    monkeypatch.setitem(DINOV3_CONFIGS, "dinov3_tiny", DINOv3Config(embed_dim=256, depth=8, num_heads=4))
    model, _ = build("hydra.searchpath=[file://mine/conf]", f"encoder={option}", "encoder.weights=random")
    side = model.encoder.img_size // model.encoder.patch_size
    features = model.encoder(torch.rand(1, 3, model.encoder.img_size, model.encoder.img_size))
    assert features.shape == (1, side, side, model.encoder.embed_dim)


def test_every_added_option_is_tried():
    tried = {"colours", "resnet", "dinov3_tiny", "animals", "furthest", "sparse"}
    assert {file.rpartition("/")[2].removesuffix(".yaml") for file in FILES if file.endswith("yaml")} == tried
