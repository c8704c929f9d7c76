"""The documents build as a site that holds every page and loads nothing from elsewhere."""

import html
import inspect
import re

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

import ntt
from documents import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    build(
        config
    )  # raises on a warning: a dead link, a page that the navigation lacks, an unreadable docstring
    return folder


def test_every_page_is_there(site):
    pages = {file.stem for file in (ROOT / "docs").glob("*.md")}
    assert pages <= {file.stem for file in site.glob("*.html")}


def test_nothing_is_loaded_from_a_network(site):
    for file in site.glob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|link|iframe)[^>]*(?:src|href)="?(https?://[^">\s]+)', file.read_text()
        )
        assert not loaded, file
    styles = "".join(file.read_text() for file in site.rglob("*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


def test_the_reference_has_what_users_call(site):
    text = (site / "api.html").read_text()
    for name in ("fit", "add", "remove", "predict", "save"):
        assert f'id="ntt.FewShotSegmenter.{name}"' in text
    for name in ("ntt.api.loading.load", "ntt.Example", "ntt.Segmentation", "ntt.encoders.Encoder"):
        assert f'id="{name}"' in text
    assert inspect.getdoc(ntt.load).splitlines()[0] in html.unescape(text), "docstrings are shown"
    assert not re.search(r":(class|meth|func):", text)
