"""Test ``ntt.load`` as a library function."""

import subprocess
import sys

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase

import ntt
from colour_world import BLUE, RED

UNTRAINED = (
    "encoder.weights=random",
    "segmenter.weights=random",
    "encoder.img_size=64",
    "model.proposals.prompts.max_prompts=16",
)


def test_import_does_not_import_torch():
    code = "import ntt, sys; assert not {'torch', 'hydra', 'numpy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no attribute 'lood'"):
        ntt.lood  # noqa: B018


def test_load_with_embedded_models_finds_the_reference_classes(example, scene):
    model = ntt.load(device="cpu", overrides=["model.proposals.prompts.max_prompts=16"])
    assert model.device == torch.device("cpu")
    model.fit([example("red"), example("blue", box=(6, 12, 24, 36))])
    found = model.predict(scene(RED, BLUE)[0])
    assert set(found.names) == {"red", "blue"}


def test_load_applies_arguments_and_overrides(example, scene, tmp_path):
    model = ntt.load(
        "dinov2_nano",
        model="matching_baseline_noamg",
        score_threshold="auto",
        device="cpu",
        overrides=[
            "encoder.weights=random",
            "segmenter.weights=random",
            "encoder.img_size=56",
            "scorer=k_means",
        ],
    )
    inner = model.model
    assert (inner.encoder.name, inner.encoder.img_size, inner.wants_calibration) == ("dinov2_nano", 56, True)
    assert type(inner).__name__ == "Sam2MatchingBaselineNoAMG"
    assert type(inner.matcher.scorer.scorer).__name__ == "KMeansCentres"


def test_load_with_memory_restores_the_classes(example, tmp_path):
    ntt.load(device="cpu", overrides=UNTRAINED).fit(example("red")).save(tmp_path / "memory.safetensors")
    loaded = ntt.load(device="cpu", overrides=UNTRAINED, memory=tmp_path / "memory.safetensors")
    assert loaded.class_names == ("red",)


def test_load_keeps_the_callers_hydra_and_random_state(tmp_path, monkeypatch):
    monkeypatch.setenv("PROJECT_ROOT", "the caller's")
    (tmp_path / "theirs.yaml").write_text("value: 1")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with initialize_config_dir(str(tmp_path), version_base="1.2"):
        ntt.load(device="cpu", overrides=UNTRAINED)
        assert compose("theirs").value == 1
        assert str(VersionBase.instance().getbase()) == "1.2"
    assert torch.equal(torch.rand(3), expected)
    ntt.load(device="cpu", overrides=UNTRAINED)
    assert not GlobalHydra.instance().is_initialized()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoder": "dinov3_lage"}, r"Unknown DINOv3 model: dinov3_lage. Did you mean dinov3_large\?"),
        ({"segmenter": "sam3"}, "Unknown segmenter: sam3"),
        ({"model": "gided"}, r"Did you mean guided\?"),
        ({"score_threshold": 2}, r"score_threshold must be in \[0, 1\], got 2"),
        ({"overrides": ["encoder.img_sice=3"]}, "img_sice"),
        ({"overrides": ["encoder"]}, "Cannot parse the override 'encoder'"),
        ({"device": "cuda:99"}, "device=cuda:99: "),
        ({"device": "toaster"}, "device=toaster: "),
        ({"encoder": "dinov3_giant"}, "dinov3_giant"),
    ],
)
def test_load_with_invalid_arguments_raises_in_one_line(arguments, message):
    with pytest.raises(ntt.InputError, match=message) as caught:
        ntt.load(**{"device": "cpu", **arguments})
    assert "\n" not in str(caught.value)
