"""References go through the encoder in batches."""

import pytest
import torch

from ntt.encoders import DINOv3
from ntt.encoders.base import Encoder
from ntt.errors import InputError
from ntt.memory import ReferenceMemory
from ntt.structures import Reference


class MeanColour(Encoder):
    name, embed_dim, patch_size, img_size, fingerprint = "mean", 3, 8, 32, "mean-1"

    def __init__(self):
        super().__init__()
        self.batches: list[int] = []

    def forward(self, images):
        self.batches.append(len(images))
        return torch.nn.functional.avg_pool2d(images, 8).permute(0, 2, 3, 1)


def reference(colour: tuple[float, float, float], label: int) -> Reference:
    image = torch.zeros(3, 50, 60)
    mask = torch.zeros(50, 60, dtype=torch.bool)
    mask[10:40, 10:40] = True
    image[:, mask] = torch.tensor(colour, dtype=torch.float32)[:, None]
    return Reference(image, mask, label, "here.jpg, annotation 7")


def test_fill_encodes_in_batches_and_keeps_the_order():
    encoder, memory = MeanColour(), ReferenceMemory(context_ratio=0.2, batch_size=2)
    bank = memory.empty_bank(encoder, ["red", "green"], "")
    references = [reference((1, 0, 0), 0), reference((0, 1, 0), 1), reference((1, 0, 0), 0)]
    memory.add_references(bank, encoder, iter(references), torch.device("cpu"))
    assert encoder.batches == [2, 1]
    assert bank.labels.tolist() == [0, 1, 0]
    expected = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 0, 0]])
    torch.testing.assert_close(bank.vectors, expected, atol=0.3, rtol=0)


def test_fingerprint_depends_on_encoder_crop_and_references():
    encoder = MeanColour()
    other = MeanColour()
    other.fingerprint = "mean-2"
    fingerprints = {
        ReferenceMemory(0.2, 8).empty_bank(encoder, [], "").fingerprint,
        ReferenceMemory(0.3, 8).empty_bank(encoder, [], "").fingerprint,
        ReferenceMemory(0.2, 8).empty_bank(encoder, [], "x").fingerprint,
        ReferenceMemory(0.2, 8).empty_bank(other, [], "").fingerprint,
    }
    assert len(fingerprints) == 4
    assert ReferenceMemory(0.2, 1).empty_bank(encoder, [], "").fingerprint in fingerprints


def test_an_empty_mask_error_names_the_reference():
    empty = Reference(torch.zeros(3, 5, 5), torch.zeros(5, 5, dtype=torch.bool), 0, "here.jpg, annotation 7")
    memory = ReferenceMemory(0.2, 8)
    bank = memory.empty_bank(MeanColour(), ["red"], "")
    with pytest.raises(InputError, match=r"here\.jpg, annotation 7"):
        memory.add_references(bank, MeanColour(), [empty], torch.device("cpu"))


def test_number_of_classes_and_references_can_be_limited():
    memory = ReferenceMemory(0.2, batch_size=1, max_classes=2, max_references=2)
    encoder, cpu = MeanColour(), torch.device("cpu")
    with pytest.raises(InputError, match=r"3 classes exceed the memory's limit of 2: .*max_classes"):
        memory.empty_bank(encoder, ["red", "green", "blue"], "")
    bank = memory.empty_bank(encoder, ["red", "green"], "")
    memory.add_references(bank, encoder, [reference((1, 0, 0), 0), reference((0, 1, 0), 1)], cpu)
    memory.add_references(bank, encoder, [reference((1, 0, 0), 0)], cpu)
    with pytest.raises(
        InputError, match=r"class 'red' exceeds the memory's limit of 2 references.*max_references"
    ):
        memory.add_references(bank, encoder, [reference((0, 1, 0), 1), reference((1, 0, 0), 0)], cpu)


@pytest.mark.parametrize(
    ("encoder", "classes"),
    [(("dinov3_nano", 96), ["a"]), (("dinov3_small", 64), ["a"]), (("dinov3_nano", 64), ["b"])],
    ids=["image size", "encoder", "classes"],
)
def test_a_memory_of_another_configuration_is_rejected(tmp_path, encoder, classes):
    memory = ReferenceMemory(0.2, 8)
    bank = memory.empty_bank(DINOv3("dinov3_nano", 64, weights="random"), ["a"], "references")
    bank.add(torch.ones(2, 2, 4), torch.ones(2, 2), 0)
    bank.aggregate()
    bank.save(tmp_path / "memory.safetensors")
    other = memory.empty_bank(DINOv3(*encoder, weights="random"), classes, "references")
    with pytest.raises(InputError, match=r"was made with dinov3_nano at 64 pixels, context_ratio=0\.2, .*"):
        other.load(tmp_path / "memory.safetensors")
