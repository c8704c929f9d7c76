"""The folder dinov3 as a torch.hub repository, and other clones as its replacement."""

import subprocess
import sys
import textwrap

import pytest
import torch

from ntt.encoders import DINOv3
from ntt.encoders.configs import DINOV3_CONFIGS, DINOv3Config
from ntt.encoders.dinov3_vit import DINOv3ViT
from ntt.errors import InputError

OFFICIAL = ["vits16", "vits16plus", "vitb16", "vitl16", "vitl16plus", "vith16plus", "vit7b16", "vitg16"]

# Same layout as Meta's clone: hubconf.py next to a package of the same name, which contains the model.
HUBCONF = "from dinov3.hub.backbones import dinov3_test, dinov3_bare\ndependencies = ['torch']\n"
BACKBONES = """
    import torch
    from ..model import Model

    def dinov3_test(*, pretrained=True, weights="LVD1689M", check_hash=False):
        model = Model()
        if pretrained:
            model.load_state_dict(torch.load(weights, weights_only=True), strict=True)
        return model

    def dinov3_bare(*, pretrained=True):
        return torch.nn.Identity()
"""
MODEL = """
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch_embed = nn.Module()
            self.patch_embed.proj = nn.Conv2d(3, 32, 16, 16)

        def get_intermediate_layers(self, x, *, n=1, reshape=False, return_class_token=False, norm=True):
            assert reshape and norm and not return_class_token
            return tuple(self.patch_embed.proj(x) + number for number in n)

        def forward_features(self, x):
            raise NotImplementedError
"""


@pytest.fixture
def clone(tmp_path):
    """Create a folder with the layout of Meta's clone, whose package replaces ours while it is loaded."""
    folder = tmp_path / "clone"
    for name, text in {
        "hubconf.py": HUBCONF,
        "dinov3/__init__.py": "",
        "dinov3/model.py": MODEL,
        "dinov3/hub/__init__.py": "",
        "dinov3/hub/backbones.py": BACKBONES,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return folder


def load(project_root, entry, **options):
    return torch.hub.load(str(project_root / "dinov3"), entry, source="local", **options)


def test_hub_entries_use_metas_names(project_root):
    with torch.device("meta"):
        for entry in (f"dinov3_{size}" for size in OFFICIAL):
            model = load(project_root, entry, pretrained=False)
            assert isinstance(model, DINOv3ViT), entry
            assert callable(model.get_intermediate_layers)
        assert load(project_root, "dinov3_vitl16plus", pretrained=False).blocks[0].mlp.fc2.in_features == 4096


def test_hub_loads_weights_of_any_layout(project_root, make, export, write):
    encoder = make("dinov3_test")
    path = write(export(encoder, "Meta"), "meta.pth")
    model = load(project_root, "dinov3_test", weights=str(path))
    images = torch.rand(2, 3, 48, 64)
    features = model.forward_features(encoder.normalise(images))
    assert {key: tuple(value.shape) for key, value in features.items()} == {
        "x_norm_clstoken": (2, 32),
        "x_storage_tokens": (2, 4, 32),
        "x_norm_patchtokens": (2, 12, 32),
        "x_prenorm": (2, 17, 32),
    }
    torch.testing.assert_close(features["x_norm_patchtokens"], encoder(images).flatten(1, 2))
    torch.testing.assert_close(model(encoder.normalise(images)), features["x_norm_clstoken"])
    normed = model.norm(features["x_prenorm"])
    torch.testing.assert_close(normed[:, 1:5], features["x_storage_tokens"])


def test_intermediate_layers_match_timm(make):
    model = make("dinov3_test").backbone
    pixels = torch.rand(2, 3, 48, 64)
    for norm in (False, True):
        expected = model.forward_intermediates(pixels, [0, 1], True, norm=norm, intermediates_only=True)
        actual = model.get_intermediate_layers(pixels, 2, reshape=True, return_class_token=True, norm=norm)
        for (patches, prefix), (our_patches, our_class) in zip(expected, actual, strict=True):
            torch.testing.assert_close(our_patches, patches)
            torch.testing.assert_close(our_class, prefix[:, 0])
    (flat,) = model.get_intermediate_layers(pixels, [0])
    (grid,) = model.get_intermediate_layers(pixels, [0], True)
    assert flat.shape == (2, 12, 32)
    torch.testing.assert_close(flat[0, 5], grid[0, :, 1, 1])


def test_hub_works_from_the_project_root_in_a_fresh_process(project_root):
    code = (
        "import torch; m = torch.hub.load('dinov3', 'dinov3_nano', source='local', pretrained=False);"
        "from dinov3.dinov3_utils import DINOV3_CONFIGS; print(m.embed_dim, len(DINOV3_CONFIGS))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project_root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["192", str(len(DINOV3_CONFIGS))]


def test_an_entry_without_weights_raises_an_error_with_advice(project_root):
    with pytest.raises(InputError, match=r"dinov3_vitl16 needs weights=FILE.*encoder=dinov3_large"):
        load(project_root, "dinov3_vitl16")


def test_ntt_does_not_need_the_folder():
    """Another package named dinov3, such as Meta's, may be installed."""
    code = (
        "import sys; sys.modules['dinov3'] = None; import ntt.encoders, ntt.encoders.inspect;"
        "ntt.encoders.DINOv3('dinov3_nano', weights='random')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_repo_dir_accepts_the_folder_of_this_project(project_root, make, export, write):
    encoder = make("dinov3_test")
    path = write(export(encoder, "transformers"))
    cloned = DINOv3("dinov3_test", 64, weights=str(path), repo_dir=str(project_root / "dinov3"))
    images = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(cloned(images), encoder(images))
    assert cloned.weights_file == path


def test_repo_dir_uses_the_model_of_another_clone(clone, small_variants):
    import dinov3  # must neither hide the clone's package nor be lost

    encoder = DINOv3(
        "dinov3_test", 64, weights="random", repo_dir=str(clone), layers=[-1, -2], merge="concat"
    )
    images = torch.rand(2, 3, 32, 48)
    convolved = encoder.backbone.patch_embed.proj(encoder.normalise(images)).permute(0, 2, 3, 1)
    features = encoder(images)
    assert features.shape == (2, 2, 3, 64)
    torch.testing.assert_close(features, torch.cat([convolved, convolved + 1], dim=-1))
    assert encoder.random_weights
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert encoder.fingerprint != DINOv3("dinov3_test", 64, weights="random").fingerprint
    assert sys.modules["dinov3"] is dinov3


def refusal(repo_dir, name="dinov3_test", weights="random"):
    with pytest.raises(InputError) as caught:
        DINOv3(name, 64, weights=str(weights), repo_dir=str(repo_dir))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_clone_without_the_entry_is_rejected(clone, small_variants):
    message = refusal(clone, "dinov3_giant")
    assert message.startswith(
        f"Module 'dinov3' has no attribute 'dinov3_vitg16': {clone}/hubconf.py does not"
    )
    assert f"git -C {clone} pull" in message
    assert "remove encoder.repo_dir" in message


def test_an_invalid_clone_is_rejected(clone, tmp_path, small_variants, monkeypatch):
    assert f"encoder.repo_dir={tmp_path} has no hubconf.py" in refusal(tmp_path)
    monkeypatch.setitem(DINOV3_CONFIGS, "bare", DINOv3Config(32, 2, 2, entry="dinov3_bare"))
    assert "without get_intermediate_layers and forward_features" in refusal(clone, "bare")
    (clone / "hubconf.py").write_text("import no_such_package")
    assert "No module named 'no_such_package'" in refusal(clone)


def test_weights_are_checked_before_the_clone_loads_them(clone, make, export, write, tmp_path):
    gated = write(export(make("dinov3_test_swiglu"), "Meta"), "gated.pth")
    assert "contains dinov3_test_swiglu in Meta's layout" in refusal(clone, weights=gated)
    fitting = write(export(make("dinov3_test"), "Meta"), "meta.pth")
    message = refusal(clone, weights=fitting)  # the clone's toy model has other keys
    assert f"{clone} cannot build dinov3_test from {fitting}: Error(s) in loading state_dict" in message
