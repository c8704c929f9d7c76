from pathlib import Path
from shutil import copy

import pytest

pytest.importorskip("gradio")

from ntt.app import handlers


@pytest.fixture
def said(monkeypatch):
    """Notices shown to the user."""
    lines = []
    monkeypatch.setattr(handlers, "notice", lines.append)
    return lines


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """Upload folder of gradio."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads" / "ab12").mkdir(parents=True)
    return tmp_path / "uploads"


def test_upload_opens_an_uploaded_image(session, picture, uploads, said):
    file = copy(picture, uploads / "ab12" / "things.png")
    assert handlers.upload(session, {"path": str(file)})[0] is not None
    assert session.prompts is not None
    assert said == []


@pytest.mark.parametrize("path", ["{picture}", "{uploads}/ab12/../../things.png", "\0", "x" * 5000, 3, None])
def test_upload_rejects_other_local_files(session, picture, uploads, said, path):
    copy(picture, Path(uploads).parent / "things.png")
    named = path.format(picture=picture, uploads=uploads) if isinstance(path, str) else path
    for file in ({"path": named}, named):
        handlers.upload(session, file)
    assert session.prompts is None
    assert said == ["This file was not uploaded to this page; upload it again"] * 2
