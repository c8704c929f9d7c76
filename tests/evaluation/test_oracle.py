import pytest
import torch
import torch.nn.functional as F

from ntt.evaluation import true_label_instances, true_mask_instances
from ntt.segmenters.base import Proposals

HEIGHT, WIDTH, GRID = 64, 128, 32


def box_mask(left, top, right, bottom, size=(HEIGHT, WIDTH)):
    mask = torch.zeros(size, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def truth():
    """Two objects, of the labels 2 and 0."""
    masks = torch.stack([box_mask(8, 8, 40, 40), box_mask(64, 16, 120, 56)])
    return masks, torch.tensor([2, 0])


def proposals(masks, iou):
    """Masks of the image on the square grid of the segmenter."""
    grid = F.interpolate(masks[:, None].float(), (GRID, GRID), mode="area")[:, 0]
    return Proposals(grid - 0.5, torch.tensor(iou))


def with_true_labels(offered, truth, nms_iou=0.5, max_instances=100):
    return true_label_instances(offered, *truth, HEIGHT, WIDTH, nms_iou, max_instances)


def test_proposals_take_the_label_of_what_they_overlap_most(truth):
    offered = proposals(truth[0].flip(0), [0.6, 0.9])
    found = with_true_labels(offered, truth)
    assert found.labels.tolist() == [2, 0]
    assert found.scores.tolist() == pytest.approx([0.9, 0.6])
    # Upsampling from the grid rounds the corners off.
    assert (found.masks != truth[0]).sum() <= 2 * 4 * 3
    assert found.boxes.tolist() == [[8, 8, 40, 40], [64, 16, 120, 56]]


def test_what_overlaps_less_than_half_is_background(truth):
    masks = torch.stack(
        [box_mask(8, 8, 40, 28), box_mask(8, 8, 40, 22), box_mask(0, 0, 128, 64)]
    )  # IoU 0.625, 0.4375 and 0.27
    found = with_true_labels(proposals(masks, [0.5, 0.8, 0.9]), truth)
    assert found.scores.tolist() == pytest.approx([0.5])
    assert found.labels.tolist() == [2]


def test_the_better_predicted_of_two_that_overlap_survives(truth):
    masks = torch.stack([truth[0][0], box_mask(8, 8, 40, 36), truth[0][1]])
    found = with_true_labels(proposals(masks, [0.7, 0.8, 0.3]), truth)
    assert found.scores.tolist() == pytest.approx([0.8, 0.3])
    assert len(with_true_labels(proposals(masks, [0.7, 0.8, 0.3]), truth, nms_iou=0.95)) == 3
    assert len(with_true_labels(proposals(masks, [0.7, 0.8, 0.3]), truth, max_instances=1)) == 1


def test_nothing_offered_and_nothing_there(truth):
    nothing = Proposals(torch.zeros(0, GRID, GRID), torch.zeros(0))
    assert with_true_labels(nothing, truth).masks.shape == (0, HEIGHT, WIDTH)
    empty = torch.zeros(0, HEIGHT, WIDTH, dtype=torch.bool), torch.zeros(0, dtype=torch.int64)
    assert with_true_labels(proposals(truth[0], [0.6, 0.9]), empty).masks.shape == (0, HEIGHT, WIDTH)
    assert len(true_mask_instances(torch.zeros(0, 3), empty[0])) == 0


def test_empty_proposals_are_background(truth):
    masks = torch.stack([truth[0][0], torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)])
    assert len(with_true_labels(proposals(masks, [0.7, 0.8]), truth)) == 1


def test_true_masks_take_the_class_that_they_resemble_most(truth):
    masks, _ = truth
    found = true_mask_instances(torch.tensor([[0.7, -0.1], [0.2, 0.9]]), masks)
    assert found.labels.tolist() == [1, 0]
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])
    assert torch.equal(found.masks, masks.flip(0))
    assert found.boxes.tolist() == [[64, 16, 120, 56], [8, 8, 40, 40]]
