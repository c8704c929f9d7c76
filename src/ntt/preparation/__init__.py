"""Preparation of datasets: required files and ways to obtain them."""

from ntt.preparation.archives import Archive
from ntt.preparation.base import Need
from ntt.preparation.by_hand import ByHand
from ntt.preparation.derived import LvisMinival, VocAnnotations

__all__ = ["Archive", "ByHand", "LvisMinival", "Need", "VocAnnotations"]
