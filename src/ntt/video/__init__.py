"""Video: reading, writing and tracking of objects across frames."""

from ntt.video.base import Tracker, suited_tracker
from ntt.video.files import VideoFile
from ntt.video.sam2 import Sam2Tracker
from ntt.video.tracks import OverlapTracker

__all__ = ["OverlapTracker", "Sam2Tracker", "Tracker", "VideoFile", "suited_tracker"]
