"""Video: reading, writing and tracking of objects across frames."""

from ntt.video.base import Tracker
from ntt.video.overlap import OverlapTracker
from ntt.video.reading import VideoFile
from ntt.video.sam2 import Sam2Tracker
from ntt.video.suited import suited_tracker

__all__ = ["OverlapTracker", "Sam2Tracker", "Tracker", "VideoFile", "suited_tracker"]
