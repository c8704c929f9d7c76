from pathlib import Path

import pytest
from PIL import Image

from app_world import LIMITS, colour_models, draw_things
from ntt.app.session import Session


@pytest.fixture(scope="session")
def picture(tmp_path_factory):
    return draw_things(tmp_path_factory.mktemp("pictures") / "things.png")


@pytest.fixture
def bad_files(picture, tmp_path):
    """A text file, a truncated image and an image above the limit, with the expected messages."""
    text, half, large = tmp_path / "text.jpg", tmp_path / "half.png", tmp_path / "large.png"
    text.write_text("not an image")
    half.write_bytes(Path(picture).read_bytes()[:-60])
    Image.new("RGB", (400, 300)).save(large)
    return {
        text: "text.jpg: cannot be read",
        half: "half.png: cannot be read",
        large: "large.png is 400 x 300",
    }


@pytest.fixture
def models():
    return colour_models()


@pytest.fixture
def session(models):
    session = Session(models, LIMITS)
    yield session
    session.close()
