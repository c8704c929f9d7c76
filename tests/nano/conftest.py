import numpy as np
import pytest

from nano.sprites import SpriteSheet
from nano.vocabulary import NOVEL, VALIDATION, Emoji, Vocabulary


@pytest.fixture(scope="session")
def sheet() -> SpriteSheet:
    """Coloured discs of forty held-out and twenty train classes; the last vendor lacks the train classes."""
    named = [tuple(Emoji(code, name) for name, code in table.items()) for table in (VALIDATION, NOVEL)]
    train = tuple(Emoji(f"{0x1F900 + i:X}", f"thing {i}") for i in range(20))
    vocabulary = Vocabulary(train=train, validation=named[0], novel=named[1])
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    disc = (x**2 + y**2 < 1).astype(np.uint8) * 255
    pixels = np.zeros((60, 4, 32, 32, 4), dtype=np.uint8)
    pixels[..., :3] = rng.integers(0, 256, (60, 4, 1, 1, 3))
    pixels[..., 3] = disc
    pixels[40:, 3] = 0
    return SpriteSheet(pixels, vocabulary)
