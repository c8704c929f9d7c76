import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ntt.evaluation import IGNORED
from ntt.structures import Instances, Prompt, Reference
from ntt.visualization import (
    draw_comparison,
    draw_features,
    draw_instances,
    draw_references,
    draw_semantic,
    draw_similarity,
)
from ntt.visualization.canvas import (
    INSTANCE_COLOURS,
    NEAR,
    PANEL,
    class_colour,
    instance_colours,
    luminance,
    panel_grid,
    resize,
    text_colour,
)
from ntt.visualization.feature_maps import principal_colours
from ntt.visualization.instances import annotate, clearest
from ntt.visualization.labels import MOST_COVERED, MOST_LABELS, SCALES, draw_labels, place_labels
from ntt.visualization.references import CLASSES_SHOWN
from ntt.visualization.shapes import Shape, outline, shapes_of

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
    pixels = annotate(image, square(30, 10, 20)[None], ["bird 0.9"]).astype(int)
    height, width, _ = pixels.shape
    assert width == PANEL * 100
    tinted = np.ptp(pixels, axis=2) > 20
    assert tinted[height // 2, round(width * 40 / 60)]
    assert not tinted[height // 2, round(width * 10 / 60)]


def test_comparison_with_and_without_ground_truth(tmp_path, image):
    found = instances([square(5, 5, 20)], [0.9], [0])
    truth = (square(5, 5, 20)[None], torch.tensor([0]))
    draw_comparison(tmp_path / "a.png", image, truth, found, NAMES)
    draw_comparison(tmp_path / "b.png", image, None, found, NAMES)
    draw_comparison(tmp_path / "c.png", image, None, Instances.empty(40, 60), NAMES)
    shares = [coloured(picture(tmp_path / f"{name}.png")) for name in "abc"]
    assert shares[0] > 1.5 * shares[1] > 0
    assert shares[2] == 0


def grid_of(rows, columns, side, height, width):
    """Squares in rows, and the middle of each, ``x y``."""
    middles = [
        ((column + 0.5) * width / columns, (row + 0.5) * height / rows)
        for row in range(rows)
        for column in range(columns)
    ]
    masks = [square(int(x - side / 2), int(y - side / 2), side, height, width) for x, y in middles]
    return masks, [(round(x), round(y)) for x, y in middles]


def seen_colours(pixels):
    """Which colours of instances cover at least 40 pixels."""
    distance = np.abs(pixels[:, :, None] - np.array(INSTANCE_COLOURS)).max(axis=3)
    return set(np.flatnonzero((distance < 12).sum(axis=(0, 1)) >= 40).tolist())


def test_instances_of_one_class_have_a_colour_each():
    masks, middles = grid_of(2, 3, 80, 400, 600)
    found = instances(masks, [0.9, 0.89, 0.88, 0.87, 0.86, 0.85], [0] * 6)
    drawn = draw_instances(np.full((400, 600, 3), 128, np.uint8), found, NAMES)
    assert len({tuple(drawn[y + 20, x]) for x, y in middles}) == 6
    assert seen_colours(drawn.astype(int)) == set(range(6))


def test_both_sides_of_a_comparison_have_a_colour_per_instance(tmp_path):
    masks, _ = grid_of(2, 2, 90, 400, 600)
    truth = torch.stack(masks[:3]), torch.tensor([1, 1, 1])
    found = instances(masks, [0.9, 0.8, 0.8, 0.7], [1] * 4)
    draw_comparison(tmp_path / "c.png", torch.full((3, 400, 600), 0.5), truth, found, NAMES)
    pixels = picture(tmp_path / "c.png")
    left, right = np.split(pixels[:, : len(pixels[0]) // 2 * 2], 2, axis=1)
    assert (len(seen_colours(left)), len(seen_colours(right))) == (3, 4)


def test_all_of_24_coins_are_drawn_with_labels_and_counted(tmp_path, monkeypatch):
    coins, _ = grid_of(4, 6, 60, 400, 600)
    repeated = [mask.roll(2, 1) for mask in coins[:7]]
    found = instances(coins + repeated, [0.9 - 0.005 * k for k in range(31)], [0] * 31)
    titles = []
    monkeypatch.setattr(
        "ntt.visualization.instances.panel_grid",
        lambda image, each, columns: titles.extend(each) or panel_grid(image, each, columns),
    )
    draw_comparison(tmp_path / "c.png", torch.zeros(3, 400, 600), None, found, ["coin"])
    assert titles == ["Image", "Prediction (24 of 31)"]
    assert len(place_labels(shapes_of(coins, 400, 600), ["coin 0.90"] * 24, 400, 600, 1.0)) == 24


def test_an_instance_of_a_video_keeps_the_colour_of_its_id():
    masks, middles = grid_of(1, 2, 100, 400, 600)
    found = instances(masks, [0.9, 0.8], [0, 0])
    swapped = instances(masks[::-1], [0.9, 0.8], [0, 0])
    grey = np.full((400, 600, 3), 128, np.uint8)
    one = draw_instances(grey, found, NAMES, ids=torch.tensor([7, 3]))
    other = draw_instances(grey, swapped, NAMES, ids=torch.tensor([3, 7]))
    assert all(np.array_equal(one[y + 30, x], other[y + 30, x]) for x, y in middles)
    outlines = [
        (np.abs(one.astype(int) - class_colour(identity)).max(axis=2) < 12).sum() for identity in (3, 7)
    ]
    assert min(outlines) > 40


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 600)), min_size=1, max_size=40))
def test_neighbours_differ_in_colour_and_colours_stay_when_instances_are_added(corners):
    boxes = np.array([(x, y, x + 60, y + 60) for x, y in corners])
    colours = instance_colours(boxes, 700, 1000)
    assert instance_colours(boxes[:3], 700, 1000) == colours[:3]
    for index, corner in enumerate(boxes[:, :2]):
        near = np.flatnonzero(np.abs(boxes[:index, :2] - corner).max(axis=1, initial=0) < 60 + NEAR * 1000)
        if len(near) < len(INSTANCE_COLOURS):
            assert colours[index] not in [colours[other] for other in near]


@pytest.mark.parametrize("background", [0, 60, 128, 200, 255])
@pytest.mark.parametrize("colour", INSTANCE_COLOURS[:4])
def test_an_outline_is_seen_on_any_background(background, colour):
    scene = np.full((200, 200, 3), background, np.uint8)
    outline(scene, [Shape(np.ones((100, 100), np.uint8), 50, 50)], [colour], zoom=1.0)
    across = [luminance(tuple(map(int, pixel))) + 0.05 for pixel in scene[100, :60]]
    contrasts = [max(value, across[0]) / min(value, across[0]) for value in across]
    assert max(contrasts) > 3
    assert max(across) / min(across) > 3, "light beside dark"


def test_lines_grow_with_the_zoom_and_are_thin_on_small_masks():
    widths = []
    for zoom, side in ((1.0, 120), (3.0, 120), (3.0, 10)):
        scene = np.full((200, 200, 3), 255, np.uint8)
        outline(scene, [Shape(np.ones((side, side), np.uint8), 60, 60)], [(255, 140, 26)], zoom)
        widths.append(int((scene[60 + side // 2, : 60 + side // 2] < 250).any(axis=1).sum()))
    assert widths[1] >= 2 * widths[0]
    assert widths[2] <= widths[0]


@pytest.mark.parametrize("colour", [*INSTANCE_COLOURS, *(class_colour(label) for label in range(12))])
def test_text_is_black_or_white_by_luminance(colour):
    text = text_colour(colour)
    light, dark = sorted([luminance(colour) + 0.05, luminance(text) + 0.05], reverse=True)
    assert light / dark > 4.5
    assert text == ((0, 0, 0) if luminance(colour) > 0.18 else (255, 255, 255))
    assert {text_colour((255, 230, 64)), text_colour((20, 20, 160))} == {(0, 0, 0), (255, 255, 255)}


@pytest.mark.parametrize(("colour", "text"), [((20, 20, 160), 255), ((255, 230, 64), 0)])
def test_labels_are_written_in_their_box_in_black_or_white(colour, text):
    scene = np.full((200, 300, 3), 128, np.uint8)
    (label,) = place_labels(shapes_of([square(100, 80, 90, 200, 300)], 200, 300), ["bird 0.9"], 200, 300, 1.0)
    draw_labels(scene, [label], [colour], zoom=1.0)
    x1, y1, x2, y2 = label.box
    rows, columns = np.nonzero((scene != 128).any(axis=2))
    assert (columns.min(), rows.min()) == (x1, y1)
    assert columns.max() - x2 in (-1, 0)
    assert rows.max() - y2 in (-1, 0)
    assert (scene[y1 + 1, x1 + 1] == colour).all()
    assert (np.abs(scene[y1:y2, x1:x2].astype(int) - text).max(axis=2) < 30).sum() > 20


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 560), st.integers(0, 360), st.integers(1, 300)), min_size=1, max_size=30
    )
)
def test_labels_stay_in_the_image_hide_little_and_do_not_overlap(squares):
    shapes = shapes_of([square(*each, 400, 600) for each in squares], 400, 600)
    labels = place_labels(shapes, ["tea pot 0.87"] * len(shapes), 400, 600, 1.0)
    taken = np.zeros((400, 600), int)
    for label in labels:
        x1, y1, x2, y2 = label.box
        assert 0 <= x1 < x2 <= 600
        assert 0 <= y1 < y2 <= 400
        taken[y1:y2, x1:x2] += 1
        for shape in shapes:
            assert shape.covered(label.box) <= MOST_COVERED * shape.area
        left, top, right, bottom = shapes[label.index].box
        assert max(left, x1) <= min(right, x2), "it touches its mask"
        assert max(top, y1) <= min(bottom, y2)
    assert taken.max() <= 1


def test_small_masks_have_smaller_labels_and_narrow_images_no_score():
    small, large = square(20, 20, 12, 400, 600), square(200, 100, 200, 400, 600)
    labels = place_labels(shapes_of([small, large], 400, 600), ["cup 0.90"] * 2, 400, 600, 1.0)
    assert [label.scale for label in labels] == [min(SCALES), max(SCALES)]
    assert [label.text for label in labels] == ["cup 0.90"] * 2
    narrow = shapes_of([square(5, 100, 30, 600, 40)], 600, 40)
    (label,) = place_labels(narrow, ["mug 0.90"], 600, 40, 1.0)
    assert label.text == "mug"
    assert place_labels(narrow, ["unpronounceable 0.90"], 600, 40, 1.0) == []


def test_more_than_thirty_instances_have_outlines_alone():
    masks, _ = grid_of(5, 7, 40, 400, 600)
    shapes = shapes_of(masks, 400, 600)
    texts = ["coin"] * len(shapes)
    assert len(shapes) > MOST_LABELS
    assert place_labels(shapes, texts, 400, 600, 1.0) == []
    assert len(place_labels(shapes[:MOST_LABELS], texts[:MOST_LABELS], 400, 600, 1.0)) == MOST_LABELS


def test_masks_smaller_than_a_pixel_are_drawn_and_empty_ones_are_not():
    masks = [square(1111, 555, 2, 800, 1600), torch.zeros(800, 1600, dtype=torch.bool)]
    speck, nothing = shapes_of(masks, 300, 600)
    assert (speck.area, speck.left, speck.top) == (1, 417, 208)
    assert nothing.area == 0
    found = instances(masks, [0.9, 0.8], [0, 0])
    assert draw_instances(np.zeros((800, 1600, 3), np.uint8), found, NAMES).any()


def test_large_images_are_drawn_fast():
    masks, _ = grid_of(4, 5, 480, 2000, 3000)
    found = instances(masks, [0.9] * 20, [0] * 20)
    pixels = np.zeros((2000, 3000, 3), np.uint8)
    before = time.process_time()
    drawn = draw_instances(pixels, found, NAMES)
    assert time.process_time() - before < 1.5, "it took 2.5 s with work on whole images, now 0.3 s"
    assert drawn.shape == pixels.shape
    assert not pixels.any(), "the image itself is left as it was"


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


def test_prompts_of_pseudo_masks_are_drawn_with_a_caption(tmp_path, image):
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
        tile = pixels[: len(plain), -260:]
        return (tile.max(axis=2) < 60).sum()

    assert dark(boxed) > dark(plain) + 50
    assert dark(pointed) > dark(plain) + 10
    outlined = [coloured(pixels[: len(plain)]) for pixels in (plain, boxed)]
    assert outlined[1] < 0.8 * outlined[0], "the picture is cut out around the box, which is larger"


def test_references_are_at_least_250_pixels_each(tmp_path, image):
    draw_references(tmp_path / "r.png", [Reference(image, square(20, 10, 10), 0)], ["boat"])
    grey = np.abs(picture(tmp_path / "r.png") - 128).max(axis=2) < 4
    assert grey.any(axis=0).sum() >= 250
    assert grey.any(axis=1).sum() >= 250


def test_sheet_of_twenty_classes_has_every_reference_on_a_screen_shaped_page(tmp_path, image):
    references = [Reference(image, square(20, 10, 10), label) for label in range(20) for _ in range(5)]
    draw_references(tmp_path / "r.png", references, [f"class {label}" for label in range(20)])
    pixels = picture(tmp_path / "r.png")
    height, width, _ = pixels.shape
    assert 0.75 < width / height < 1.8
    assert (np.abs(pixels - 128).max(axis=2) < 4).sum() > 100 * 0.6 * 250**2


def test_references_of_very_many_classes_are_cut_off_with_a_caption(tmp_path, image):
    names = [f"class {label}" for label in range(CLASSES_SHOWN + 1)]
    references = [Reference(image, square(20, 10, 10), label) for label in (0, CLASSES_SHOWN)]
    draw_references(tmp_path / "few.png", references[:1], names[:-1])
    draw_references(tmp_path / "many.png", references, names)
    few, many = picture(tmp_path / "few.png"), picture(tmp_path / "many.png")
    assert len(many) > len(few)
    assert np.array_equal(few[:-10], many[: len(few) - 10])


def test_long_class_names_stay_beside_the_tiles(tmp_path, image):
    name = "a very long name of a class that has far too many words and " + 30 * "letters"
    for file, each in (("short.png", "x"), ("long.png", name)):
        draw_references(tmp_path / file, [Reference(image, square(20, 10, 10), 0)], [each])
    short, long = picture(tmp_path / "short.png"), picture(tmp_path / "long.png")
    assert np.array_equal(short[:, 250:], long[:, 250:])


def test_colours_of_twenty_classes_differ():
    assert len({class_colour(label) for label in range(20)}) == 20


def test_resizing_nothing_yields_nothing():
    assert resize(torch.zeros(0, 4, 4), 8, 9).shape == (0, 8, 9)
