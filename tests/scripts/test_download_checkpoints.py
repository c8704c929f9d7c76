"""The download script: what it would fetch, and where from."""

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import GatedRepoError
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
    if path.stem not in ("none", "sam2_nano", "sam2_lite")
]


@pytest.mark.parametrize(("group", "name"), PUBLISHED)
def test_every_published_size_has_an_address(script, tmp_path, group, name):
    download = script.locate(group, name, tmp_path)[0]
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
        assert script.locate("encoder", name, tmp_path)[0].address == address
    sam2 = script.locate("segmenter", "sam2.1_base_plus", tmp_path)[0].address
    assert sam2.endswith("/segment_anything_2/092824/sam2.1_hiera_base_plus.pt")


def test_gated_weights_come_second(script, tmp_path):
    addresses = [download.address for download in script.locate("encoder", "dinov3_huge_plus", tmp_path)]
    assert addresses == [
        "hf://timm/vit_huge_plus_patch16_dinov3.lvd1689m",
        "hf://facebook/dinov3-vith16plus-pretrain-lvd1689m",
    ]


def test_the_encoder_finds_what_was_fetched(script, tmp_path):
    """What comes from the hub goes where the encoder looks when the official file is absent."""
    from ntt.encoders import DINOv3
    from ntt.errors import InputError

    weights = configured_weights("encoder", "dinov3_large").replace("${paths.checkpoints}", str(tmp_path))
    with pytest.raises(InputError) as caught:
        DINOv3("dinov3_large", weights=weights)
    for download in script.locate("encoder", "dinov3_large", tmp_path):
        assert download.destination.name in str(caught.value)


@pytest.fixture
def download(script, world, tmp_path):
    return script.Download(world.url, tmp_path / "new" / "file.pth")


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_there_is_not_fetched_again(script, world, download, capsys):
    script.fetch_first([download])
    assert download.destination.read_bytes() == world.content
    script.fetch_first([download])
    assert "already exists" in capsys.readouterr().out
    assert world.requests == [None]


def test_the_hash_in_a_name_is_verified(script, world, tmp_path, capsys):
    digest = hashlib.sha256(world.content).hexdigest()
    right = tmp_path / f"dinov3_vits16_pretrain_lvd1689m-{digest[:8]}.pth"
    world.cuts = [100_000]
    script.fetch(script.Download(world.url, right))
    assert right.read_bytes() == world.content
    assert script.main(["encoder=dinov3_small", f"url={world.url}", f"checkpoints={tmp_path}"]) == 2
    expected = f"expected a SHA-256 starting with 08c60483, got {digest[:8]}"
    assert expected in capsys.readouterr().err
    assert not files(tmp_path / "dinov3")


def test_offline_gives_the_next_step(script, tmp_path, capsys, unreachable):
    assert script.main(["encoder=dinov2_small", f"checkpoints={tmp_path}"]) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "(no route); download it on a machine with network access" in error
    assert f"copy it to {tmp_path}/dinov2/dinov2_vits14_pretrain.pth" in error


@pytest.fixture
def hub(script, world, monkeypatch):
    """A Hugging Face hub in which some repositories are gated; returns the set of them."""
    gated = set()

    def look_up(page):
        if any(repository in page for repository in gated):
            raise GatedRepoError("gated", response=SimpleNamespace(headers={}, request=None))
        digest = hashlib.sha256(world.content).hexdigest()
        location = world.url if "timm" in page else page
        return SimpleNamespace(etag=digest, location=location)

    monkeypatch.setattr(script, "get_hf_file_metadata", look_up)
    return gated


def test_the_hub_says_where_and_what(script, world, hub, tmp_path, capsys):
    words = ["encoder=dinov3_small", f"checkpoints={tmp_path}"]
    assert script.main(words) == 0
    assert files(tmp_path / "dinov3") == ["vit_small_patch16_dinov3.lvd1689m.safetensors"]
    (tmp_path / "dinov3" / "vit_small_patch16_dinov3.lvd1689m.safetensors").unlink()
    hub.add("facebook")
    hub.add("timm")
    assert script.main(words) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert "facebook/dinov3-vits16-pretrain-lvd1689m is gated: request access there" in error
    assert "run hf auth login" in error


def test_another_file_than_the_hub_said(script, world, hub, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(script, "get_token", lambda: "secret")
    hub.add("facebook")
    metadata = script.get_hf_file_metadata("timm")
    monkeypatch.setattr(script, "get_hf_file_metadata", lambda page: metadata)
    world.content = b"another"
    assert script.main(["encoder=dinov3_small", f"checkpoints={tmp_path}"]) == 2
    assert "expected a SHA-256 starting with" in capsys.readouterr().err
    assert not files(tmp_path / "dinov3")


def test_the_token_goes_to_the_hub_only(script, world, hub, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "get_token", lambda: "secret")
    elsewhere = script.find_source(script.Download("hf://timm/x", tmp_path / "x"))
    assert elsewhere.url == world.url
    assert elsewhere.token is None
    assert script.find_source(script.Download("hf://facebook/x", tmp_path / "x")).token == "secret"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: python scripts/download_checkpoints.py"),
        (["encoder"], "unknown argument: encoder"),
        (["model=x"], "unknown argument: model"),
        (["encoder=dinov3_Large"], "Did you mean dinov3_large?"),
        (["segmenter=sam2.1_tny"], "Did you mean sam2.1_tiny?"),
        (["encoder=dinov3_giant"], "encoder=dinov3_huge_plus or encoder=dinov3_7b"),
        (["encoder=dinov2_nano"], "are in this repository"),
        (["encoder=efficientnet_lite0"], "are in this repository, in a package"),
    ],
)
def test_mistakes(script, capsys, arguments, message):
    assert script.main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
