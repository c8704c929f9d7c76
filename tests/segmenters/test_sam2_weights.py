"""Strict loading of SAM 2 checkpoints, with errors that give advice."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

from ntt.errors import InputError
from ntt.segmenters import Sam2Segmenter

NANO = OmegaConf.load(Path(__file__).parents[2] / "conf" / "segmenter" / "sam2_nano.yaml")


def build(weights, image_size: int = 128) -> Sam2Segmenter:
    return Sam2Segmenter("sam2_nano", NANO.config, image_size, weights, overrides=NANO.overrides)


@pytest.fixture(scope="module")
def other() -> dict[str, torch.Tensor]:
    """A state dict that differs from the random initialisation."""
    state = build("random").model.state_dict()
    return {key: tensor + 0.5 for key, tensor in state.items()}


def write(state: dict[str, torch.Tensor], path: Path) -> Path:
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"model": state}, path)
    return path


@pytest.mark.parametrize("file", ["w.pt", "w.safetensors"])
def test_load_reads_every_tensor_of_both_formats(other, tmp_path, file):
    loaded = build(write(other, tmp_path / file)).model.state_dict()
    assert loaded.keys() == other.keys()
    assert all(torch.equal(loaded[key], other[key]) for key in other)


def test_a_file_in_the_sam2_subfolder_is_found(other, tmp_path):
    (tmp_path / "sam2").mkdir()
    write(other, tmp_path / "sam2" / "w.pt")
    loaded = build(tmp_path / "w.pt").model.state_dict()
    assert all(torch.equal(loaded[key], other[key]) for key in other)


def test_half_precision_files_load_as_float32(other, tmp_path):
    halves = {key: tensor.half() for key, tensor in other.items()}
    loaded = build(write(halves, tmp_path / "w.safetensors")).model.state_dict()
    assert all(tensor.dtype == torch.float32 for tensor in loaded.values())
    torch.testing.assert_close(loaded["no_mem_embed"], other["no_mem_embed"], atol=1e-3, rtol=1e-3)


def test_a_missing_or_unexpected_tensor_is_rejected(other, tmp_path):
    short = dict(list(other.items())[1:])
    with pytest.raises(InputError, match=r"w\.pt: the weights do not match segmenter sam2_nano.*Missing"):
        build(write(short, tmp_path / "w.pt"))
    with pytest.raises(InputError, match=r"do not match.*Unexpected"):
        build(write({**other, "extra": torch.zeros(1)}, tmp_path / "w.safetensors"))


def test_a_missing_file_is_reported_with_the_download_command(tmp_path):
    with pytest.raises(InputError) as error:
        build(tmp_path / "none.pt")
    assert "none.pt" in str(error.value)
    assert "python scripts/download_checkpoints.py segmenter=sam2_nano" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x80\x02}q\x00."])
def test_a_file_that_is_not_a_checkpoint_gives_a_one_line_error(tmp_path, file, content):
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a SAM 2 checkpoint") as error:
        build(path)
    assert "\n" not in str(error.value)


def test_random_weights_are_logged(caplog, other, tmp_path):
    assert build("random").random_weights
    assert "sam2_nano runs with random weights" in caplog.text
    caplog.clear()
    assert not build(write(other, tmp_path / "w.pt")).random_weights
    assert not caplog.text


def test_random_weights_are_reproducible_and_keep_the_global_generator():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = build("random")
    assert torch.equal(torch.rand(1), expected)
    second = build("random")
    assert torch.equal(first.model.no_mem_embed, second.model.no_mem_embed)
    assert first.fingerprint == second.fingerprint


def test_fingerprint_changes_with_weights_and_size(other, tmp_path):
    path = write(other, tmp_path / "w.pt")
    fingerprints = {build("random").fingerprint, build(path).fingerprint, build(path, 256).fingerprint}
    assert len(fingerprints) == 3
