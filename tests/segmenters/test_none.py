"""segmenter=none: no weights are loaded and prompts are rejected."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from colour_world import RED, ColourEncoder, canvas, paint
from ntt.errors import InputError
from ntt.matching import RegionMatcher
from ntt.matching.scorers import ClassMean
from ntt.memory import ReferenceMemory
from ntt.models import INSID3, Sam2MatchingBaselineNoAMG
from ntt.proposals import ClusterProposals, GridProposals
from ntt.refinement import PromptedRefinement
from ntt.segmenters import ImageEmbedding, NoSegmenter, Prompts, Segmenter
from ntt.structures import Prompt, Reference

LINE = "segmenter=none takes no points or boxes: use masks, or choose segmenter=sam2_lite"


def model(kind=INSID3, proposals=None, refiner=None):
    return kind(
        ColourEncoder(),
        NoSegmenter(),
        proposals or ClusterProposals(0.6, 0.2),
        ReferenceMemory(0.2, 2, normalise=True, whole_image=True, whole_patches=True, maps=True),
        RegionMatcher(ClassMean(), 0.7, 0.5, 100),
        refiner,
    )


def reference():
    image = canvas(60, 80)
    return Reference(image, paint(image, RED, slice(10, 40), slice(20, 50)), 0)


def test_no_segmenter_has_no_weights_and_no_capabilities():
    segmenter = NoSegmenter()
    assert isinstance(segmenter, Segmenter)
    assert list(segmenter.parameters()) == []
    assert list(segmenter.buffers()) == []
    assert [segmenter.box_prompts, segmenter.mask_prompts, segmenter.video_memory] == [False] * 3
    assert (segmenter.name, segmenter.fingerprint) == ("none", "none")


def test_no_segmenter_rejects_images_and_prompts_in_one_line():
    segmenter = NoSegmenter()
    prompts = Prompts(torch.zeros(1, 1, 2), torch.ones(1, 1, dtype=torch.int32))
    for ask in (
        lambda: segmenter.encode(torch.zeros(3, 8, 8)),
        lambda: segmenter.encode_all([torch.zeros(3, 8, 8)]),
        lambda: segmenter.decode(ImageEmbedding(torch.zeros(1, 1, 1, 1), ()), prompts),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert str(caught.value) == LINE


def test_a_model_with_prompts_is_rejected_with_the_same_line():
    prompting = model(Sam2MatchingBaselineNoAMG, GridProposals(4, 0.4))
    prompting.fit([reference()], ["red"])
    with pytest.raises(InputError) as caught:
        prompting.predict(reference().image)
    assert str(caught.value) == LINE


def test_a_refiner_with_prompts_is_rejected_with_the_same_line():
    refining = model(refiner=PromptedRefinement(0.5))
    refining.fit([reference()], ["red"])
    with pytest.raises(InputError) as caught:
        refining.predict(reference().image)
    assert str(caught.value) == LINE


@pytest.mark.parametrize(
    "prompt", [Prompt(box=(20, 10, 50, 40)), Prompt(points=((35, 25, 1),))], ids=["box", "point"]
)
def test_a_reference_without_a_mask_is_rejected_in_one_line(prompt):
    with pytest.raises(InputError, match="segmenter=none") as caught:
        model().fit([Reference(reference().image, None, 0, prompt=prompt)], ["red"])
    assert "\n" not in str(caught.value)


def test_config_without_segmenter_loads_no_sam2(project_root, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("SAM 2 was built")

    monkeypatch.setattr("ntt.segmenters.sam2.build_sam2", refused)
    monkeypatch.setattr("ntt.segmenters.sam2.load_weights", refused)
    with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
        cfg = compose("train", ["paths.output=null", "model=insid3", "segmenter=none", "encoder=untrained"])
    composed = instantiate(cfg.model)
    assert isinstance(composed, INSID3)
    assert isinstance(composed.segmenter, NoSegmenter)
    assert len(composed.fit([reference()], ["red"]).predict(reference().image).masks.shape) == 3
