"""Embedded data set of emoji and photo scenes, and training of the embedded models."""
