"""Pseudo masks from boxes and points."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from ntt.models.pseudo_masks import segment_prompts
from ntt.segmenters import ImageEmbedding, Proposals, Segmenter
from ntt.structures import Prompt

HEIGHT, WIDTH = 50, 100


class EverythingSegmenter(Segmenter):
    """Return full masks, and record the prompts."""

    name, image_size, mask_size, fingerprint = "everything", 200, 50, "everything"

    def __init__(self):
        super().__init__()
        self.encoded, self.asked = 0, []

    def encode(self, image):
        self.encoded += 1
        return ImageEmbedding(image[None], ())

    def decode(self, embedding, prompts, min_iou=-1.0):
        self.asked.append((prompts.points[0].tolist(), prompts.labels[0].tolist()))
        return Proposals(torch.ones(1, 50, 50), torch.tensor([0.75]))


class PointSegmenter(EverythingSegmenter):
    box_prompts = False


BOX = Prompt((10.0, 20.0, 30.5, 40.0))
POINTS = Prompt(points=((10.0, 20.0, 1), (99.0, 0.0, 0)))
BOTH = Prompt(BOX.box, POINTS.points)
BESIDE = Prompt(BOX.box, ((99.0, 0.0, 0),))


def ask(segmenter, *prompts):
    return segment_prompts(segmenter, torch.zeros(3, HEIGHT, WIDTH), prompts)


def test_prompts_are_scaled_to_the_square_with_their_labels():
    segmenter = EverythingSegmenter()
    ask(segmenter, BOX, POINTS, BOTH)
    assert segmenter.asked == [
        ([[20, 80], [61, 160]], [2, 3]),
        ([[20, 80], [198, 0]], [1, 0]),
        ([[20, 80], [61, 160], [20, 80], [198, 0]], [2, 3, 1, 0]),
    ]
    assert segmenter.encoded == 1


def test_masks_are_clipped_to_their_boxes():
    masks, ious = ask(EverythingSegmenter(), BOX, POINTS)
    assert masks.shape == (2, HEIGHT, WIDTH)
    inside = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    inside[20:40, 10:31] = True
    assert torch.equal(masks[0], inside)
    assert masks[1].all()
    assert ious.tolist() == [0.75, 0.75]


def test_no_prompts_give_no_masks():
    masks, ious = ask(EverythingSegmenter())
    assert (masks.shape, ious.shape) == ((0, HEIGHT, WIDTH), (0,))


def test_a_segmenter_without_box_prompts_gets_points():
    segmenter = PointSegmenter()
    masks, _ = ask(segmenter, BOX, POINTS, BOTH, BESIDE)
    assert segmenter.asked == [
        ([[40.5, 120]], [1]),
        ([[20, 80], [198, 0]], [1, 0]),
        ([[20, 80], [198, 0]], [1, 0]),
        ([[40.5, 120], [198, 0]], [1, 0]),
    ]
    assert masks[0].sum() == masks[2].sum() == 20 * 21


@pytest.fixture(scope="module")
def emoji(project_root):
    """One reference of each of five classes, and the embedded segmenter."""
    with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
        cfg = compose("train", overrides=["paths.output=null", "dataset.shots=1"])
    references = instantiate(cfg.dataset).references
    return [references[index] for index in range(5)], instantiate(cfg.segmenter)


@pytest.mark.parametrize("kind", ["box", "points"])
@torch.no_grad()
def test_embedded_segmenter_finds_most_objects(emoji, kind):
    references, segmenter = emoji
    ious = []
    for reference in references:
        rows, columns = torch.nonzero(reference.mask, as_tuple=True)
        x1, y1, x2, y2 = map(float, (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
        middle = (((x1 + x2) / 2, (y1 + y2) / 2, 1),)
        prompt = Prompt((x1, y1, x2, y2)) if kind == "box" else Prompt(points=middle)
        (mask,), _ = segment_prompts(segmenter, reference.image, [prompt])
        ious.append(float((mask & reference.mask).sum() / (mask | reference.mask).sum()))
    assert sorted(ious)[2] > 0.6
