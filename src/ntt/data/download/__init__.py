"""Preparation of datasets: required files and ways to obtain them."""

from ntt.data.download.sources import Archive, ByHand, Download, LvisMinival, VocAnnotations

__all__ = ["Archive", "ByHand", "Download", "LvisMinival", "VocAnnotations"]
