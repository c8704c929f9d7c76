from fractions import Fraction

import pytest
import torch

from colour_world import canvas
from ntt.video.files import VideoWriter

SIDE = 64  # pixels; the toy segmenter has cells of 2 pixels


@pytest.fixture
def frame():
    """Draw an image of coloured squares at given rows and columns, the first in front."""

    def draw(*things, side=16):
        image = canvas(SIDE, SIDE)
        for colour, row, column in reversed(things):
            rows, columns = (slice(max(0, at), max(0, at + side)) for at in (row, column))
            image[:, rows, columns] = torch.tensor(colour)[:, None, None]
        return image

    return draw


@pytest.fixture
def video(tmp_path):
    """Write a video of increasingly bright frames at 10 frames per second or at given times."""

    def write(name="clip.mp4", count=5, size=(48, 64), seconds=None):
        with VideoWriter(tmp_path / name, Fraction(10)) as writer:
            for number in range(count):
                pixels = torch.full((*size, 3), 20 + 20 * number, dtype=torch.uint8).numpy()
                writer.add(pixels, seconds[number] if seconds else number / 10)
        return tmp_path / name

    return write
