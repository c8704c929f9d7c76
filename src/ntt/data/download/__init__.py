"""Preparation of datasets: required files and ways to obtain them."""

from ntt.data.download.sources import Archive, ByHand, LvisMinival, Need, VocAnnotations

__all__ = ["Archive", "ByHand", "LvisMinival", "Need", "VocAnnotations"]
