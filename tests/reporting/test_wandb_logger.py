from shutil import rmtree

import pytest

from ntt.reporting.wandb_logger import WandbLogger


@pytest.fixture
def logger(tmp_path):
    """Build the logger of a run in one folder, as often as the run is begun."""

    def build():
        encoder = {"encoder_class": "x.DINOv2Encoder", "encoder_name": "dinov2_nano", "encoder_weights": None}
        return WandbLogger("ntt", None, "offline", tmp_path, **encoder, images=1)

    return build


def test_a_run_keeps_its_id_until_it_is_finished(logger, tmp_path):
    first = logger().version
    assert logger().version == first
    rmtree(tmp_path / "progress")  # which is what finishing does
    assert logger().version != first


def test_only_the_first_process_names_the_run(logger, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert logger().version is None
    assert list(tmp_path.iterdir()) == []
