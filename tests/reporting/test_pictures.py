from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ntt.evaluation import IGNORED
from ntt.reporting.pictures import (
    draw_comparison,
    draw_features,
    draw_references,
    draw_semantic,
    draw_similarity,
)
from ntt.reporting.pictures.canvas import PANEL, class_colour, resize
from ntt.reporting.pictures.features import principal_colours
from ntt.reporting.pictures.instances import annotate, clearest
from ntt.structures import Instances, Prompt, Reference

NAMES = ["boat", "bird"]


def square(left, top, side, height=40, width=60):
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[top : top + side, left : left + side] = True
    return mask


def instances(masks, scores, labels):
    count = len(scores)
    return Instances(torch.stack(masks), torch.zeros(count, 4), torch.tensor(scores), torch.tensor(labels))


@pytest.fixture
def image():
    return torch.full((3, 40, 60), 0.5)


def picture(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def coloured(pixels):
    """Share of pixels that are not grey."""
    return float((np.ptp(pixels, axis=2) > 40).mean())


def test_only_clear_instances_are_drawn():
    found = instances(
        [square(5, 5, 20), square(6, 6, 19), square(40, 5, 10), square(5, 30, 5)],
        [0.9, 0.8, 0.7, 0.3],
        [0, 1, 1, 0],
    )
    # The second lies within the first, the last is scored too low.
    assert clearest(found).tolist() == [0, 2]
    assert clearest(Instances.empty(40, 60)).tolist() == []


def test_masks_and_labels_are_drawn_where_they_are(image):
    pixels = annotate(image, square(30, 10, 20)[None], torch.tensor([1]), ["bird 0.9"]).astype(int)
    height, width, _ = pixels.shape
    assert width == PANEL * 100
    tinted = np.ptp(pixels, axis=2) > 20
    assert tinted[height // 2, round(width * 40 / 60)]
    assert not tinted[height // 2, round(width * 10 / 60)]
    red, green, blue = class_colour(1)
    middle = pixels[height // 2, round(width * 40 / 60)]
    assert (middle[0] > middle[2]) == (red > blue)
    assert (middle[1] > middle[2]) == (green > blue)


def test_comparison_with_and_without_ground_truth(tmp_path, image):
    found = instances([square(5, 5, 20)], [0.9], [0])
    truth = (square(5, 5, 20)[None], torch.tensor([0]))
    draw_comparison(tmp_path / "a.png", image, truth, found, NAMES)
    draw_comparison(tmp_path / "b.png", image, None, found, NAMES)
    draw_comparison(tmp_path / "c.png", image, None, Instances.empty(40, 60), NAMES)
    shares = [coloured(picture(tmp_path / f"{name}.png")) for name in "abc"]
    assert shares[0] > 1.5 * shares[1] > 0
    assert shares[2] == 0


def test_maps_are_drawn_where_they_are_with_a_legend(tmp_path, image):
    nothing, classes = torch.zeros(2, 40, 60, dtype=torch.int64)
    classes[:, :20] = 2
    truth = classes.masked_fill(square(30, 10, 10), IGNORED)
    draw_semantic(tmp_path / "a.png", image, truth, classes, NAMES)
    draw_semantic(tmp_path / "b.png", image, None, classes, NAMES)
    draw_semantic(tmp_path / "c.png", image, None, nothing, NAMES)
    left, right = np.split(picture(tmp_path / "a.png")[:, :-1], [len(picture(tmp_path / "a.png")[0]) // 2], 1)
    assert coloured(left[:, : len(left[0]) // 3]) > 0.5 < coloured(right[:, : len(right[0]) // 3])
    assert coloured(picture(tmp_path / "a.png")) > 1.5 * coloured(picture(tmp_path / "b.png")) > 0
    assert coloured(picture(tmp_path / "c.png")) == 0
    heights = [len(picture(tmp_path / f"{name}.png")) for name in "abc"]
    assert heights[0] == heights[1] > heights[2], "nothing seen needs no legend"


def test_names_may_have_dollars(tmp_path, image):
    names = [r"$\frac$", "$"]
    reference = Reference(image, square(0, 10, 10), 0, "")
    draw_references(tmp_path / "r.png", [reference], names)
    draw_semantic(tmp_path / "m.png", image, None, torch.ones(40, 60, dtype=torch.int64), names)
    draw_similarity(tmp_path / "s.png", image, torch.rand(2, 8, 8), names)
    assert {path.name for path in tmp_path.iterdir()} == {"r.png", "m.png", "s.png"}


def test_similarity_is_hot_where_the_map_is(tmp_path, image):
    heat = torch.zeros(1, 8, 8)
    heat[0, :, 4:] = 1.0
    draw_similarity(tmp_path / "s.png", image, heat, ["boat"])
    pixels = picture(tmp_path / "s.png")
    panel = pixels[pixels.shape[0] // 2, : int(pixels.shape[1] * 0.85)]
    warmth = panel[:, 0] - panel[:, 2]
    assert warmth[-40] > 40
    assert warmth.argmax() > len(panel) * 0.7


def test_a_flat_similarity_can_be_drawn(tmp_path, image):
    draw_similarity(tmp_path / "s.png", image, torch.zeros(2, 8, 8), NAMES)
    assert (tmp_path / "s.png").stat().st_size > 0


def test_principal_colours_tell_regions_apart():
    features = torch.randn(6, 6, 16, generator=torch.Generator().manual_seed(0)) * 0.01
    features[:3, :, 0] += 5.0
    colours = principal_colours(features)
    assert colours.shape == (6, 6, 3)
    assert float(colours[:3, :, 0].min()) > float(colours[3:, :, 0].max()) + 0.8


@settings(max_examples=25, deadline=None)
@given(height=st.integers(2, 5), width=st.integers(2, 5), channels=st.integers(3, 6), scale=st.floats(0, 1e4))
def test_principal_colours_are_colours(height, width, channels, scale):
    colours = principal_colours(torch.randn(height, width, channels) * scale)
    assert bool(torch.isfinite(colours).all())
    assert 0 <= float(colours.min()) <= float(colours.max()) <= 1


def test_features_picture_is_coloured(tmp_path, image):
    draw_features(tmp_path / "f.png", image, torch.randn(8, 8, 16))
    assert coloured(picture(tmp_path / "f.png")) > 0.2


def test_references_sheet_has_a_row_a_class(tmp_path, image):
    references = [Reference(image, square(0, 0, 12), 0), Reference(image, square(30, 20, 20), 0)]
    references.append(Reference(image, square(50, 30, 10), 1))
    draw_references(tmp_path / "r.png", references, NAMES)
    pixels = picture(tmp_path / "r.png")
    grey = (np.abs(pixels - 128).max(axis=2) < 4).mean(axis=1)
    middle = len(grey) // 4
    assert grey[middle] > 1.5 * grey[3 * middle] > 0


def test_prompts_of_made_masks_are_drawn_with_a_caption(tmp_path, image):
    drawn = Reference(image, square(20, 10, 10), 0)
    box, points = (
        Prompt((12.0, 8.0, 40.0, 30.0)),
        Prompt(points=((25.0, 15.0, 1), (22.0, 12.0, 0), (0, 0, 0))),
    )
    for name, prompt in (("drawn", None), ("box", box), ("points", points)):
        draw_references(tmp_path / f"{name}.png", [replace(drawn, prompt=prompt)], NAMES[:1])
    plain, boxed, pointed = (picture(tmp_path / f"{name}.png") for name in ("drawn", "box", "points"))
    assert len(boxed) == len(pointed) > len(plain) + 10, "the caption is below"

    def dark(pixels):
        tile = pixels[: len(plain), -100:]
        return (tile.max(axis=2) < 60).sum()

    assert dark(plain) == 0
    assert dark(boxed) > 50
    assert dark(pointed) > 10
    outlined = [coloured(pixels[: len(plain)]) for pixels in (plain, boxed)]
    assert outlined[1] < 0.8 * outlined[0], "the picture is cut out around the box, which is larger"


def test_colours_of_twenty_classes_differ():
    assert len({class_colour(label) for label in range(20)}) == 20


def test_resizing_nothing_yields_nothing():
    assert resize(torch.zeros(0, 4, 4), 8, 9).shape == (0, 8, 9)
