from fractions import Fraction

import pytest
import torch
from colour_world import canvas

from ntt.video.writing import VideoWriter

SIDE = 64  # pixels; the colour world sees cells of two


@pytest.fixture
def frame():
    """A picture with things of these colours, the first in front; each is given with its row and column."""

    def draw(*things, side=16):
        image = canvas(SIDE, SIDE)
        for colour, row, column in reversed(things):
            rows, columns = (slice(max(0, at), max(0, at + side)) for at in (row, column))
            image[:, rows, columns] = torch.tensor(colour)[:, None, None]
        return image

    return draw


@pytest.fixture
def video(tmp_path):
    """A video file of so many frames, each lighter than the one before; at even times, or at those given."""

    def write(name="clip.mp4", count=5, size=(48, 64), seconds=None):
        with VideoWriter(tmp_path / name, Fraction(10)) as writer:
            for number in range(count):
                pixels = torch.full((*size, 3), 20 + 20 * number, dtype=torch.uint8).numpy()
                writer.add(pixels, seconds[number] if seconds else number / 10)
        return tmp_path / name

    return write
