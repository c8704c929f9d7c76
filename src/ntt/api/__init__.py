"""Python API: load a model, fit it on references, and segment images and videos."""

from ntt.api.examples import Example
from ntt.api.few_shot_segmenter import FewShotSegmenter
from ntt.api.loading import load
from ntt.api.results import Segmentation, VideoSegmentation

__all__ = ["Example", "FewShotSegmenter", "Segmentation", "VideoSegmentation", "load"]
