"""Python API: load a model, fit it on references, and segment images and videos."""

from ntt.api.example import Example
from ntt.api.few_shot_segmenter import FewShotSegmenter
from ntt.api.loading import load
from ntt.api.segmentation import Segmentation
from ntt.api.video_segmentation import VideoSegmentation

__all__ = ["Example", "FewShotSegmenter", "Segmentation", "VideoSegmentation", "load"]
