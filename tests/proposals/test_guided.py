"""Prompts guided by similarity."""

from types import SimpleNamespace

import pytest
import torch

from ntt.errors import InputError
from ntt.proposals import GuidedProposals
from ntt.proposals.guided import evidence
from ntt.segmenters import ImageEmbedding, Prompts, Proposals, Segmenter


class Recorder(Segmenter):
    """Record the prompts; half of the masks have a low predicted IoU."""

    name, image_size, mask_size, fingerprint = "recorder", 320, 4, "r"

    def encode(self, image):
        return ImageEmbedding(image[None], ())

    def decode(self, embedding, prompts: Prompts, min_iou=-1.0):
        self.prompts = prompts
        iou = torch.linspace(0, 1, len(prompts))
        kept = iou > min_iou
        return Proposals(torch.zeros(int(kept.sum()), 4, 4), iou[kept])


def ask(similarity, max_prompts=50, focus=0.9):
    segmenter = Recorder()
    strategy = GuidedProposals(max_prompts, focus, min_iou=0.5)
    embedding = segmenter.encode(torch.zeros(3, 8, 8))
    proposals = strategy(segmenter, embedding, SimpleNamespace(similarity=similarity))
    return segmenter.prompts, proposals


def spot(row, column, classes=3, side=20):
    """Create similarity maps with a peak of one class, on a weak gradient shared by all classes."""
    maps = torch.linspace(-0.2, 0.2, side).expand(classes, side, side).clone()
    maps[1, row - 2 : row + 3, column - 2 : column + 3] = 0.9
    return maps


@pytest.mark.parametrize("max_prompts", [1, 7, 50, 200])
def test_number_of_prompts_is_close_to_the_maximum(max_prompts):
    prompts, proposals = ask(spot(5, 14), max_prompts)
    assert 0.8 * max_prompts <= len(prompts) <= max_prompts
    assert prompts.points.shape[1:] == (1, 2)
    assert bool((prompts.labels == 1).all())
    assert len(proposals) == int((torch.linspace(0, 1, len(prompts)) > 0.5).sum())


def test_prompts_are_dense_at_a_class_and_present_everywhere():
    prompts, _ = ask(spot(5, 14))
    points = prompts.points[:, 0]
    found = torch.tensor([14.5, 5.5]) * 16
    assert (points[0] - found).norm() < 40, "the first prompt is at the peak"
    near = (points - found).norm(dim=1) < 56
    even = 50 * torch.pi * 56**2 / 320**2
    assert near.sum() > 2 * even
    everywhere = torch.cartesian_prod(torch.arange(0, 320, 8.0), torch.arange(0, 320, 8.0))
    assert torch.cdist(everywhere, points).amin(dim=1).max() < 130, "minimum coverage"


def test_prompts_without_focus_are_evenly_spread():
    prompts, _ = ask(spot(5, 14), focus=0.0)
    distances = torch.cdist(prompts.points[:, 0], prompts.points[:, 0]).fill_diagonal_(1e9).amin(dim=1)
    assert distances.max() < 2 * distances.min()


def test_evidence_ranks_by_the_best_class():
    similarity = spot(5, 14)
    ranks = evidence(similarity)
    assert sorted(ranks.tolist()) == pytest.approx([i / 1023 for i in range(1024)], abs=1e-6)
    stretched = evidence(similarity * 0.01 + 0.5)
    assert (ranks - stretched).abs().max() < 0.01, "level and spread do not matter"


def test_no_classes_give_no_prompts():
    prompts, proposals = ask(torch.zeros(0, 20, 20))
    assert len(prompts) == len(proposals) == 0


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, 0.9), r"max_prompts must be at least 1, got 0"),
        ((9, 1.0), r"focus must be in \[0, 1\), got 1\.0"),
    ],
)
def test_options_out_of_range_are_rejected(numbers, message):
    with pytest.raises(InputError, match=message):
        GuidedProposals(*numbers, min_iou=0.4)
