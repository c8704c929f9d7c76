"""Images and models for tests of the page."""

import numpy as np
from PIL import Image

from colour_world import BLUE, RED, canvas, model, paint
from ntt import FewShotSegmenter
from ntt.app.models import Limits, Models

PLACES = {"red": (slice(12, 36), slice(8, 32)), "blue": (slice(30, 54), slice(60, 100))}
CENTRES = {"red": (20.0, 24.0), "blue": (80.0, 42.0)}
COLOURS = {"red": RED, "blue": BLUE}
LIMITS = Limits(megabytes=1, megapixels=0.1, images=3, examples=4)
WIDTH, HEIGHT = 128, 64


def draw_things(file):
    """Save an image of a red and a blue rectangle on grey."""
    image = canvas(HEIGHT, WIDTH)
    for name, place in PLACES.items():
        paint(image, COLOURS[name], *place)
    Image.fromarray((image * 255).round().byte().permute(1, 2, 0).numpy().astype(np.uint8)).save(file)
    return str(file)


def colour_models():
    return Models(("colour", "other"), FewShotSegmenter(model()), lambda name: FewShotSegmenter(model()))
