"""The download script: what it would fetch, and that nothing half-fetched is left behind."""

import hashlib
import importlib.util
import io
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("download", ROOT / "scripts" / "download_checkpoints.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["download"] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def configured_weights(group, name):
    """What a configuration names, with ${paths.checkpoints} as it stands."""
    config = OmegaConf.load(ROOT / "conf" / group / f"{name}.yaml")
    return OmegaConf.to_container(config, resolve=False)["weights"]


PUBLISHED = [
    ("encoder", path.stem)
    for path in sorted((ROOT / "conf/encoder").glob("dinov*.yaml"))
    if path.stem not in ("dinov2_nano", "dinov3_nano", "dinov3_giant", "dinov3_large_plus")
] + [
    ("segmenter", path.stem)
    for path in sorted((ROOT / "conf/segmenter").glob("*.yaml"))
    if path.stem != "sam2_nano"
]


@pytest.mark.parametrize(("group", "name"), PUBLISHED)
def test_every_published_size_has_an_address(script, tmp_path, group, name):
    download = script.locate(group, name, tmp_path)
    assert download.destination.is_relative_to(tmp_path)
    assert download.address.startswith(("https://dl.fbaipublicfiles.com/", "hf://timm/"))
    if download.address.startswith("https"):
        assert Path(download.address).name == Path(configured_weights(group, name)).name


def test_where_files_come_from(script, tmp_path):
    addresses = {
        "dinov2_small": "https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth",
        "dinov2_giant_reg": "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitg14/dinov2_vitg14_reg4_pretrain.pth",
        "dinov3_base": "hf://timm/vit_base_patch16_dinov3.lvd1689m",
    }
    for name, address in addresses.items():
        assert script.locate("encoder", name, tmp_path).address == address
    sam2 = script.locate("segmenter", "sam2.1_base_plus", tmp_path).address
    assert sam2.endswith("/segment_anything_2/092824/sam2.1_hiera_base_plus.pt")


def test_the_encoder_finds_what_was_fetched(script, tmp_path):
    """The re-host goes where the encoder looks when the official file is absent."""
    from ntt.encoders import DINOv3
    from ntt.errors import InputError

    destination = script.locate("encoder", "dinov3_large", tmp_path).destination
    weights = configured_weights("encoder", "dinov3_large")
    with pytest.raises(InputError) as caught:
        DINOv3("dinov3_large", weights=weights.replace("${paths.checkpoints}", str(tmp_path)))
    assert str(destination) in str(caught.value)


def test_a_file_appears_whole(script, tmp_path, capsys):
    (tmp_path / "served.pth").write_bytes(b"weights")
    address = (tmp_path / "served.pth").as_uri()
    destination = tmp_path / "checkpoints" / "new" / "file.pth"
    script.fetch(script.Download(address, destination))
    assert destination.read_bytes() == b"weights"
    assert [path.name for path in destination.parent.iterdir()] == ["file.pth"]
    script.fetch(script.Download("file:///absent", destination))
    assert "is already there" in capsys.readouterr().out


def test_the_hash_in_a_name_is_verified(script, tmp_path, capsys):
    (tmp_path / "served.pth").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    address = (tmp_path / "served.pth").as_uri()
    right = tmp_path / f"dinov3_vits16_pretrain_lvd1689m-{digest[:8]}.pth"
    script.fetch(script.Download(address, right))
    assert right.exists()
    assert script.main(["encoder=dinov3_small", f"url={address}", f"checkpoints={tmp_path}"]) == 2
    assert f"its SHA-256 starts with {digest[:8]}" in capsys.readouterr().err
    assert not list((tmp_path / "dinov3").iterdir())


def test_offline_gives_the_next_step(script, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(script, "urlopen", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("no route")))
    assert script.main(["encoder=dinov2_small", f"checkpoints={tmp_path}"]) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "(no route); on a machine with network access" in error
    assert f"copy it to {tmp_path}/dinov2/dinov2_vits14_pretrain.pth" in error


def test_a_download_cut_short_is_not_kept(script, tmp_path, monkeypatch):
    class Response(io.BytesIO):
        headers: ClassVar = {"Content-Length": "10"}

    monkeypatch.setattr(script, "urlopen", lambda *args, **kwargs: Response(b"weights"))
    assert script.main(["encoder=dinov2_small", f"checkpoints={tmp_path}"]) == 2
    assert not list((tmp_path / "dinov2").iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: python scripts/download_checkpoints.py"),
        (["encoder"], "not understood: encoder"),
        (["model=x"], "not understood: model"),
        (["encoder=dinov3_Large"], "Did you mean dinov3_large?"),
        (["segmenter=sam2.1_tny"], "Did you mean sam2.1_tiny?"),
        (["encoder=dinov3_giant"], "encoder=dinov3_huge_plus or encoder=dinov3_7b"),
        (["encoder=dinov2_nano"], "come with this repository"),
        (["encoder=efficientnet_lite0"], "come with this repository or with a package"),
    ],
)
def test_mistakes(script, capsys, arguments, message):
    assert script.main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
