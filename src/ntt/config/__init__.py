"""Composition of `conf/`, paths, and messages for wrong overrides."""
