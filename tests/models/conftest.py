from types import SimpleNamespace

import pytest

from colour_world import BLUE, GREEN, RED, ColourEncoder, canvas, model, paint, references


@pytest.fixture(scope="session")
def colours():
    return SimpleNamespace(
        RED=RED,
        BLUE=BLUE,
        GREEN=GREEN,
        Encoder=ColourEncoder,
        model=model,
        canvas=canvas,
        paint=paint,
        references=references,
    )
