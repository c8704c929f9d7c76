import numpy as np
import pytest

from colour_world import BLUE, RED, canvas, model, paint
from ntt import Example, FewShotSegmenter

CLASSES = {"red": RED, "blue": BLUE}


@pytest.fixture
def scene():
    """Create an image with one object per colour, from left to right, and the masks of the objects."""

    def make(*colours, height=64, width=96):
        image = canvas(height, width)
        masks = [
            paint(image, colour, slice(12, 36), slice(6 + 30 * k, 24 + 30 * k))
            for k, colour in enumerate(colours)
        ]
        return image, masks

    return make


@pytest.fixture
def example(scene):
    """Create an example of a coloured object."""

    def make(name, colour=None, **marks):
        image, (mask,) = scene(colour or CLASSES[name])
        return Example(image, name, **(marks or {"mask": mask}))

    return make


@pytest.fixture
def fitted(example):
    return FewShotSegmenter(model()).fit([example("red"), example("blue")])


@pytest.fixture
def as_array():
    """Convert an image tensor to a NumPy array ``(H, W, 3)`` uint8."""
    return lambda image: (image * 255).round().byte().permute(1, 2, 0).numpy().astype(np.uint8)
