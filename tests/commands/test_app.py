import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig

from ntt.commands.app import _configs_to_compare_with
from ntt.config.composition import CONF


@pytest.fixture
def compared(monkeypatch, tmp_path):
    """What a command line has the page compare with."""
    monkeypatch.setenv("PROJECT_ROOT", str(tmp_path))

    def configs(*words):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose("app", list(words), return_hydra_config=True)
        HydraConfig.instance().set_config(cfg)
        return _configs_to_compare_with(cfg)

    yield configs
    HydraConfig.instance().cfg = None


def test_settings_of_the_encoder_are_of_the_first_one_alone(compared):
    words = [
        "encoder=dinov3_large",
        "encoder.weights=mine.pth",
        "++encoder.repo_dir=clone",
        "encoder.img_size=512",
    ]
    found = compared(*words, "scorer=nearest_instance", "compare=[dinov2_nano,dinov3_large]")
    assert list(found) == ["dinov2_nano"], "an encoder is not compared with itself"
    (other,) = found.values()
    assert other.encoder.name == "dinov2_nano"
    assert other.encoder.weights.endswith("dinov2_nano.safetensors")
    assert other.encoder.img_size != 512
    assert "repo_dir" not in other.encoder
    assert other.scorer._target_.endswith("NearestInstance")


def test_an_ensemble_can_be_the_first(compared):
    assert list(compared("encoder=ensemble", "compare=[dinov2_nano]")) == ["dinov2_nano"]
