"""Python in README and docs runs: the blocks of a page one after another, sharing their names."""

from contextlib import contextmanager

import pytest
import torch

from documents import blocks
from ntt.encoders.configs import DINOV3_CONFIGS
from ntt.structures import Reference

# What stands for published weights, so that the constructors and what follows them are really called.
STAND_INS = {
    "./checkpoints/sam2/sam2_hiera_tiny.pt": "random",
    "./checkpoints/dinov3/dinov3_vitl16_pretrain_lvd1689m-8aa4cbdd.pth": "random",
    '"dinov3_large"': '"dinov3_small"',
    '"points_per_side": 32': '"points_per_side": 2',
}
PUBLISHED = ("docs/integration_guide.md",)
PAGES = sorted({block.page for block in blocks("python")} - {*PUBLISHED})


@pytest.fixture
def execute(workplace):
    """Execute the blocks of a page in a namespace, which is returned."""

    def call(page, namespace, stand_ins):
        for block in blocks("python"):
            if block.page == page:
                text = block.text
                for published, stand_in in stand_ins.items():
                    assert published in text, f"{block} no longer mentions {published}"
                    text = text.replace(published, stand_in)
                exec(compile("\n" * block.line + text, page, "exec"), namespace)  # lines as in the page
        return namespace

    with restored(DINOV3_CONFIGS):
        yield call


@contextmanager
def restored(table):
    """Undo what a page adds to a table."""
    before = dict(table)
    yield
    table.clear()
    table.update(before)


@pytest.mark.parametrize("page", PAGES)
def test_it_runs(execute, page):
    execute(page, {"__name__": "docs"}, {})


@pytest.mark.slow
@pytest.mark.parametrize("page", PUBLISHED)
def test_it_runs_with_untrained_models_in_place_of_published_ones(execute, page):
    image = torch.rand(3, 64, 64)
    mask = torch.zeros(64, 64, dtype=torch.bool)
    mask[16:48, 16:48] = True
    given = {"image": image, "references": [Reference(image, mask, 0)], "class_names": ["square"]}
    assert execute(page, given, STAND_INS)["instances"].masks.shape[1:] == (64, 64)
