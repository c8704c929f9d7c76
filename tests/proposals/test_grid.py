"""The point grid."""

from types import SimpleNamespace

import pytest
import torch

from ntt.proposals import GridProposals, grid_points
from ntt.segmenters import ImageEmbedding, Prompts, Proposals, Segmenter

NO_CLASS = SimpleNamespace(similarity=torch.zeros(0, 4, 4))


class Recorder(Segmenter):
    """Return the prompt's coordinates as logits and its index as IoU."""

    name, image_size, mask_size, fingerprint = "recorder", 80, 4, "r"

    def encode(self, image):
        return ImageEmbedding(image[None], ())

    def decode(self, embedding, prompts: Prompts, min_iou=-1.0):
        self.prompts = prompts
        iou = torch.linspace(0, 1, len(prompts))
        kept = iou > min_iou
        return Proposals(torch.zeros(int(kept.sum()), 4, 4), iou[kept])


@pytest.mark.parametrize(("side", "size"), [(1, 512), (4, 80), (32, 1024)])
def test_points_are_the_centres_of_equal_cells(side, size):
    points = grid_points(side, size)
    cell = size / side
    assert points.shape == (side * side, 2)
    assert points[0].tolist() == [cell / 2, cell / 2]
    assert points[-1].tolist() == [size - cell / 2, size - cell / 2]
    if side > 1:
        assert points[1].tolist() == [cell * 1.5, cell / 2], "x runs first"


def test_every_point_is_a_separate_foreground_prompt():
    segmenter = Recorder()
    proposals = GridProposals(4, min_iou=0.41)(segmenter, segmenter.encode(torch.zeros(3, 8, 8)), NO_CLASS)
    assert segmenter.prompts.points.shape == (16, 1, 2)
    assert segmenter.prompts.labels.tolist() == [[1]] * 16
    assert torch.equal(segmenter.prompts.points[:, 0], grid_points(4, 80))
    assert len(proposals) == 9
    assert bool((proposals.iou > 0.41).all())


@pytest.mark.parametrize(("size", "prompts"), [(1024, 1024), (512, 256)])
def test_default_grid_has_the_density_of_the_paper(size, prompts):
    segmenter = Recorder()
    segmenter.image_size = size
    GridProposals(None, min_iou=0.4)(segmenter, segmenter.encode(torch.zeros(3, 8, 8)), NO_CLASS)
    assert torch.equal(segmenter.prompts.points[:, 0], grid_points(size // 32, size))
    assert len(segmenter.prompts) == prompts
