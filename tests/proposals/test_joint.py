"""Joint proposals: mask prompts from cluster instances plus the prompts of another strategy."""

import pytest
import torch

from ntt.errors import InputError
from ntt.matching import Patches
from ntt.memory import MemoryBank
from ntt.proposals import ClusterProposals, JointProposals
from ntt.segmenters import ImageEmbedding, Prompts, Proposals, Segmenter

GRID = 16
EMBEDDING = ImageEmbedding(torch.zeros(1, 1, 4, 4), ())


class Echo(Segmenter):
    """Return mask prompts as masks, with decreasing predicted IoU."""

    name, image_size, mask_size, fingerprint = "echo", 128, 32, "e"

    def __init__(self):
        super().__init__()
        self.asked: list[Prompts] = []

    def encode(self, image):
        return EMBEDDING

    def decode(self, embedding, prompts, min_iou=-1.0):
        assert embedding is EMBEDDING
        self.asked.append(prompts)
        iou = 0.9 - 0.3 * torch.arange(len(prompts))
        return Proposals(prompts.masks[:, 0], iou)


class Fixed:
    """Stand-in for the other strategy: always two proposals."""

    needs_segmenter = True
    cache_key = None

    def __call__(self, segmenter, embedding, patches):
        assert embedding is EMBEDDING
        return Proposals(torch.full((2, 32, 32), 7.0), torch.tensor([0.3, 0.2]))


def patches(kinds):
    """Create patches of the materials ``kinds``; classes are materials 1 and 2, with one reference each."""
    features = torch.eye(3)[kinds]
    bank = MemoryBank(["one", "two"], "f", maps_kept=True)
    shown = torch.eye(3)[None]
    for label in (0, 1):
        bank.add(shown, torch.eye(3)[label + 1][None], label)
    bank.aggregate()
    return Patches(features, features, bank)


def kinds():
    seen = torch.zeros(GRID, GRID, dtype=torch.int64)
    seen[2:7, 2:7] = 1
    seen[10:13, 3:12] = 2
    return seen


def joint(neck=0.7, min_iou=0.4):
    return JointProposals(ClusterProposals(0.6, 0.2), neck, Fixed(), min_iou)


def test_joint_proposals_are_labelled_mask_proposals_then_those_of_other_prompts():
    segmenter = Echo()
    found = joint()(segmenter, EMBEDDING, patches(kinds()))
    assert found.labels.tolist() == [0, 1, -1, -1]
    assert found.iou.tolist() == pytest.approx([0.9, 0.6, 0.3, 0.2])
    for logits, kind in zip(found.logits[:2], (1, 2), strict=True):
        assert torch.equal(logits > 0, (kinds() == kind).repeat_interleave(2, 0).repeat_interleave(2, 1))
    assert bool((found.logits[2:] == 7).all())
    (prompts,) = segmenter.asked
    assert prompts.labels.tolist() == [[1, 2, 3], [1, 2, 3]]
    assert prompts.points[:, 1:].tolist() == [[[16, 16], [56, 56]], [[24, 80], [96, 104]]]
    for point, mask in zip(prompts.points[:, 0].tolist(), found.logits[:2], strict=True):
        assert mask[int(point[1] / 4), int(point[0] / 4)] > 0


def test_joint_proposals_drop_masks_with_low_predicted_iou_and_keep_the_order():
    found = joint(min_iou=0.7)(Echo(), EMBEDDING, patches(kinds()))
    assert found.labels.tolist() == [0, -1, -1]
    assert found.iou.tolist() == pytest.approx([0.9, 0.3, 0.2])


@pytest.mark.parametrize(("neck", "labels"), [(0.7, [0, 0]), (0.0, [0])])
def test_joint_proposals_prompt_each_instance_separated_at_a_neck(neck, labels):
    seen = torch.zeros(GRID, GRID, dtype=torch.int64)
    seen[3:10, 0:6] = 1
    seen[3:10, 10:16] = 1
    seen[6, 5:11] = 1
    found = joint(neck=neck, min_iou=-1)(Echo(), EMBEDDING, patches(seen))
    assert found.labels.tolist() == [*labels, -1, -1]
    together = (found.logits[: len(labels)] > 0).any(dim=0)
    expected = (seen == 1).repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert torch.equal(together, expected)


def test_joint_proposals_without_a_region_are_those_of_the_other_prompts():
    segmenter = Echo()
    found = joint()(segmenter, EMBEDDING, patches(torch.zeros(GRID, GRID, dtype=torch.int64)))
    assert found.labels.tolist() == [-1, -1]
    assert found.labels.dtype == torch.int64
    assert found.iou.tolist() == pytest.approx([0.3, 0.2])
    assert segmenter.asked == []


def test_joint_proposals_without_classes_are_those_of_the_other_prompts():
    bank = MemoryBank([], "f", maps_kept=True)
    bank.aggregate()
    features = torch.rand(GRID, GRID, 3)
    found = joint()(Echo(), EMBEDDING, Patches(features, features, bank))
    assert found.labels.tolist() == [-1, -1]


def test_joint_proposals_need_a_segmenter_trained_on_masks():
    segmenter = Echo()
    segmenter.mask_prompts = False
    with pytest.raises(
        InputError, match=r"^segmenter=echo was not trained on mask prompts; choose sam2_lite"
    ):
        joint()(segmenter, EMBEDDING, patches(kinds()))


def test_joint_proposals_need_a_segmenter_and_have_no_cache_key():
    assert joint().needs_segmenter
    assert joint().cache_key is None
    assert not ClusterProposals(0.6, 0.2).needs_segmenter
