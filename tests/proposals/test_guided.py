"""Prompts guided by similarity."""

from types import SimpleNamespace

import pytest
import torch

from ntt.errors import InputError
from ntt.proposals import GuidedProposals
from ntt.proposals.guided import evidence
from ntt.segmenters import ImageEmbedding, Prompts, Proposals, Segmenter


class Recorder(Segmenter):
    """Counts what it is asked; half of its answers are poor."""

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
    """One class is found in one place, on a faint slope that everything resembles."""
    maps = torch.linspace(-0.2, 0.2, side).expand(classes, side, side).clone()
    maps[1, row - 2 : row + 3, column - 2 : column + 3] = 0.9
    return maps


@pytest.mark.parametrize("max_prompts", [1, 7, 50, 200])
def test_the_budget_is_kept_and_used(max_prompts):
    prompts, proposals = ask(spot(5, 14), max_prompts)
    assert 0.8 * max_prompts <= len(prompts) <= max_prompts
    assert prompts.points.shape[1:] == (1, 2)
    assert bool((prompts.labels == 1).all())
    assert len(proposals) == int((torch.linspace(0, 1, len(prompts)) > 0.5).sum())


def test_prompts_are_dense_where_a_class_is_found_and_nowhere_absent():
    prompts, _ = ask(spot(5, 14))
    points = prompts.points[:, 0]
    found = torch.tensor([14.5, 5.5]) * 16
    assert (points[0] - found).norm() < 40, "the first prompt goes to the peak"
    near = (points - found).norm(dim=1) < 56
    even = 50 * torch.pi * 56**2 / 320**2
    assert near.sum() > 2 * even
    everywhere = torch.cartesian_prod(torch.arange(0, 320, 8.0), torch.arange(0, 320, 8.0))
    assert torch.cdist(everywhere, points).amin(dim=1).max() < 130, "a floor of coverage"


def test_without_focus_the_spread_is_even():
    prompts, _ = ask(spot(5, 14), focus=0.0)
    distances = torch.cdist(prompts.points[:, 0], prompts.points[:, 0]).fill_diagonal_(1e9).amin(dim=1)
    assert distances.max() < 2 * distances.min()


def test_evidence_is_the_rank_of_the_best_class():
    similarity = spot(5, 14)
    ranks = evidence(similarity)
    assert sorted(ranks.tolist()) == pytest.approx([i / 1023 for i in range(1024)], abs=1e-6)
    stretched = evidence(similarity * 0.01 + 0.5)
    assert (ranks - stretched).abs().max() < 0.01, "level and spread do not matter"


def test_without_a_class_there_is_nothing_to_ask():
    prompts, proposals = ask(torch.zeros(0, 20, 20))
    assert len(prompts) == len(proposals) == 0


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, 0.9), r"max_prompts must be at least 1, got 0"),
        ((9, 1.0), r"focus must be in \[0, 1\), got 1\.0"),
    ],
)
def test_numbers_out_of_range(numbers, message):
    with pytest.raises(InputError, match=message):
        GuidedProposals(*numbers, min_iou=0.4)
