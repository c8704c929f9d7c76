"""GrabCut refinement: outlines that follow colours, on crops of limited size."""

import cv2
import numpy as np
import pytest
import torch

from ntt.errors import InputError
from ntt.matching import boxes_from_masks
from ntt.refinement import GrabCut
from ntt.refinement.base import CleanUp
from ntt.segmenters import NoSegmenter
from ntt.structures import Instances

GREEN, ORANGE = (0.25, 0.5, 0.3), (0.85, 0.45, 0.15)


def refiner(**options):
    numbers = {"band": 0.5, "context": 1.0, "side": 256, "iterations": 3, "min_overlap": 0.5}
    return GrabCut(**{**numbers, **options})


def refine(image, found, **options):
    return refiner(**options)(image, found, NoSegmenter(), None)


def instances(*masks):
    masks = torch.stack(masks)
    return Instances(
        masks, boxes_from_masks(masks), torch.linspace(0.9, 0.5, len(masks)), torch.arange(len(masks))
    )


def disc(height, width, centre, radius):
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def textured(height, width, seed=0):
    """Create a background of green blotches."""
    generator = torch.Generator().manual_seed(seed)
    blotches = torch.rand(1, 1, height // 6, width // 6, generator=generator)
    shade = torch.nn.functional.interpolate(blotches, (height, width), mode="bilinear")[0]
    grain = torch.rand(3, height, width, generator=generator)
    return torch.tensor(GREEN)[:, None, None] * (0.6 + 0.8 * shade) + 0.08 * (grain - 0.5)


def painted(image, mask, colour=ORANGE, seed=1):
    grain = torch.rand(3, int(mask.sum()), generator=torch.Generator().manual_seed(seed))
    image[:, mask] = torch.tensor(colour)[:, None] + 0.1 * (grain - 0.5)
    return image.clamp_(0, 1)


def ragged(mask, cell):
    """Imitate a mask upsampled from patches of ``cell`` pixels with random errors at the border."""
    shares = torch.nn.functional.avg_pool2d(mask[None].float(), cell)[0]
    bar = 0.25 + 0.5 * torch.rand(shares.shape, generator=torch.Generator().manual_seed(2))
    return (shares > bar).repeat_interleave(cell, 0).repeat_interleave(cell, 1)


def iou(mask, other):
    return float((mask & other).sum() / (mask | other).sum())


@pytest.mark.parametrize("side", [96, 256])
def test_grabcut_finds_the_outline_of_a_disc_from_a_ragged_mask(side):
    truth = disc(160, 240, (80, 110), 44)
    image, coarse = painted(textured(160, 240), truth), ragged(truth, 16)
    assert iou(coarse, truth) < 0.87
    found = instances(coarse)
    refined = refine(image, found, side=side)
    assert iou(refined.masks[0], truth) > 0.95
    assert torch.equal(refined.boxes, boxes_from_masks(refined.masks))
    assert torch.equal(refined.scores, found.scores)
    assert torch.equal(refined.labels, found.labels)
    assert torch.equal(found.masks[0], coarse), "the input is not modified"


def test_grabcut_does_not_extend_into_a_touching_neighbour_of_equal_colour():
    """Two adjacent boxes have the same colour; refined alone, the first extends into the second."""
    left, right = torch.zeros(2, 160, 240, dtype=torch.bool)
    left[50:110, 60:120] = True
    right[50:110, 120:180] = True
    image = painted(textured(160, 240), left | right)
    alone = refine(image, instances(left))
    assert (alone.masks[0] & right).sum() > 0.2 * right.sum()
    together = refine(image, instances(left, right))
    for mask, own, other in ((together.masks[0], left, right), (together.masks[1], right, left)):
        assert iou(mask, own) > 0.88
        assert (mask & other).sum() < 0.13 * other.sum(), "at most half the band"


@pytest.mark.parametrize("distance", [82, 76])
def test_grabcut_separates_touching_discs(distance):
    left, right = disc(160, 240, (80, 70), 40), disc(160, 240, (80, 70 + distance), 40)
    image = painted(textured(160, 240), left | right)
    found = instances(ragged(left, 10), ragged(right & ~left, 10))
    refined = refine(image, found)
    for mask, own, other in ((refined.masks[0], left, right), (refined.masks[1], right, left)):
        assert iou(mask, own) > 0.9
        assert (mask & other & ~own).sum() < 0.05 * other.sum()


class Crops:
    """Replacement for ``cv2.grabCut`` that records its arguments."""

    def __init__(self, monkeypatch):
        self.sizes = []
        self.labels = []
        own = cv2.grabCut

        def noted(pixels, labels, *rest):
            self.sizes.append(pixels.shape)
            self.labels.append(labels.copy())
            return own(pixels, labels, *rest)

        monkeypatch.setattr(cv2, "grabCut", noted)


def test_grabcut_uses_the_same_crop_size_for_a_large_image(monkeypatch):
    """Compare a scene at 24 megapixels with the same scene at a tenth of the side length."""
    crops = Crops(monkeypatch)
    small = disc(400, 600, (200, 260), 100)
    image = painted(textured(400, 600), small)
    large = small.repeat_interleave(10, 0).repeat_interleave(10, 1)
    pixels = image.repeat_interleave(10, 1).repeat_interleave(10, 2)
    assert large.numel() == 24_000_000
    refined = refine(pixels, instances(large), side=64, iterations=1)
    refine(image, instances(small), side=64, iterations=1)
    assert len(crops.sizes) == 2
    for height, width, channels in crops.sizes:
        assert channels == 3
        assert max(height, width) == 64
    differences = np.subtract(*crops.sizes)
    assert np.abs(differences).max() <= 1
    assert iou(refined.masks[0], large) > 0.9


def test_grabcut_never_enlarges_a_crop(monkeypatch):
    crops = Crops(monkeypatch)
    truth = disc(60, 80, (30, 40), 10)
    refine(painted(textured(60, 80), truth), instances(truth), side=256, context=0.5)
    ((height, width, _),) = crops.sizes
    assert height < 45
    assert width < 45


def test_grabcut_leaves_only_the_band_undecided(monkeypatch):
    crops = Crops(monkeypatch)
    truth = disc(120, 120, (60, 60), 30)
    other = disc(120, 120, (60, 100), 9)
    image = painted(textured(120, 120), truth | other)
    refine(image, instances(truth, other), band=0.2, context=2.0)
    labels = crops.labels[0]
    assert labels.shape == (120, 120), "the crop covers the whole image"
    rows, columns = np.indices(labels.shape)
    distance = np.hypot(rows - 60, columns - 60) - 30
    width = 0.2 * float(truth.sum()) ** 0.5 / 2
    near, beside = np.abs(distance) < width - 1.5, ~other.numpy()
    assert (labels[distance < -width - 1.5] == cv2.GC_FGD).all()
    assert (labels[(distance > width + 1.5) & beside] == cv2.GC_BGD).all()
    assert set(np.unique(labels[near & beside])) == {cv2.GC_PR_FGD, cv2.GC_PR_BGD}
    assert labels[60, 100] == cv2.GC_BGD, "deep in another instance"


@pytest.mark.parametrize(
    "mask",
    [
        torch.ones(40, 60, dtype=torch.bool),
        disc(40, 60, (20, 30), 0),
        disc(40, 60, (20, 30), 1),
        disc(40, 60, (0, 0), 2),
        disc(40, 60, (20, 30), 100) & ~disc(40, 60, (0, 0), 0),
        torch.zeros(40, 60, dtype=torch.bool),
    ],
    ids=["full", "pixel", "cross", "corner", "all but a pixel", "empty"],
)
@pytest.mark.parametrize("side", [16, 256])
def test_grabcut_keeps_masks_too_small_or_too_large_for_colour_models(mask, side):
    refined = refine(textured(40, 60), instances(mask), side=side)
    assert refined.masks.shape == (1, 40, 60)
    assert bool(refined.masks.any()) == bool(mask.any())
    if side == 256:
        assert torch.equal(refined.masks[0], mask)
    else:
        assert iou(refined.masks[0], mask) > 0.95 or not mask.any()


def test_grabcut_on_a_uniform_image_keeps_the_mask():
    mask = disc(60, 60, (30, 30), 15)
    refined = refine(torch.full((3, 60, 60), 0.5), instances(mask))
    assert iou(refined.masks[0], mask) > 0.95


def test_grabcut_is_deterministic_for_any_random_state():
    truth = disc(100, 140, (50, 60), 28)
    image, found = painted(textured(100, 140), truth), instances(ragged(truth, 10))
    first = refine(image, found)
    cv2.setRNGSeed(99)
    cv2.randu(np.zeros((3, 3), np.uint8), 0, 9)
    assert torch.equal(refine(image, found).masks, first.masks)


def test_grabcut_applies_the_clean_up():
    """A speck of the disc's colour in the band becomes a part, which the clean-up removes."""
    truth = disc(160, 160, (80, 80), 40)
    speck = disc(160, 160, (80, 130), 4)
    image = painted(painted(textured(160, 160), truth), speck)
    plain = refine(image, instances(truth), band=1.5)
    assert bool((plain.masks[0] & speck).any())
    cleaned = refine(image, instances(truth), band=1.5, clean_up=CleanUp(min_part=0.1))
    assert not (cleaned.masks[0] & speck).any()
    assert iou(cleaned.masks[0], truth) > 0.95


@pytest.mark.parametrize(("min_overlap", "taken"), [(0.0, True), (0.5, True), (0.95, False), (1.0, False)])
def test_grabcut_keeps_the_old_mask_if_the_overlap_is_too_small(min_overlap, taken):
    truth = disc(160, 240, (80, 110), 44)
    image, coarse = painted(textured(160, 240), truth), ragged(truth, 16)
    refined = refine(image, instances(coarse), min_overlap=min_overlap)
    assert (iou(refined.masks[0], truth) > 0.95) == taken
    assert torch.equal(refined.masks[0], coarse) != taken


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_grabcut_rejects_an_invalid_overlap_in_one_line(value):
    with pytest.raises(InputError, match=rf"^GrabCut: min_overlap must be in \[0, 1\], got {value}$"):
        refiner(min_overlap=value)


def test_grabcut_without_instances_returns_no_instances():
    assert len(refine(textured(40, 60), Instances.empty(40, 60))) == 0
    assert not GrabCut.needs_segmenter


@pytest.mark.parametrize(
    ("key", "least", "value"),
    [("band", 0, -0.1), ("context", 0, -1), ("side", 16, 15), ("iterations", 1, 0)],
)
def test_grabcut_rejects_options_out_of_range_in_one_line(key, least, value):
    with pytest.raises(InputError, match=rf"^GrabCut: {key} must be at least {least}, got {value}$"):
        refiner(**{key: value})
