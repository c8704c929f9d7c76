"""Terminal tables of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from benchmarks.measure import STAGES

MIB = 2**20


def comparison_table(variants: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table with one column per variant of :func:`benchmarks.comparison.measure_together`."""
    table = _table("Median seconds per image", "", *variants)
    for stage in STAGES:
        table.add_row(stage, *(f"{found['seconds'][stage]:.3f}" for found in variants.values()))
    for title, key, form in (
        ("total", "seconds_per_image", "{:.3f}"),
        ("speed-up", "times_faster", "{:.2f}"),
        ("prompts (count)", "prompts", "{:.0f}"),
        ("upscaled masks", "drawn", "{:.0f}"),
        ("equal detections", "agreement", "{:.1%}"),
    ):
        table.add_row(title, *(form.format(found[key]) for found in variants.values()))
    for title, key in (("peak memory, MiB", "peak_memory"), ("  after loading", "peak_memory_loading")):
        table.add_row(title, *(f"{found[key] / MIB:.0f}" for found in variants.values()))
    for kind in ("segm", "bbox"):
        table.add_row(f"{kind} AP", *(_precision(found, kind) for found in variants.values()))
    return table


def curve_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table of AP and time by number of prompts."""
    table = _table("AP and time by number of prompts", "prompts", "segm AP", "bbox AP", "s/image")
    for row in rows:
        numbers = (row["segm"], row["bbox"], row["seconds_per_image"])
        table.add_row(row["model"], *(f"{value:.3f}" for value in numbers))
    return table


def growth_tables(grown: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Table]:
    """Return the tables of cost by memory size and by number of images."""
    memory = _table("Cost by memory size", "classes", "shots", "s/image", "reference memory, MiB")
    for row in grown["memory"]:
        memory.add_row(
            str(row["classes"]),
            str(row["shots"]),
            f"{row['seconds_per_image']:.3f}",
            f"{row['bytes'] / MIB:.2f}",
        )
    images = _table("Cost by number of images", "images", "total s", "s/image", "peak memory, MiB")
    for row in grown["images"]:
        images.add_row(
            str(row["images"]),
            f"{row['seconds']:.1f}",
            f"{row['seconds'] / row['images']:.3f}",
            f"{row['peak_memory'] / MIB:.0f}",
        )
    return [memory, images]


def _precision(found: Mapping[str, Any], kind: str) -> str:
    return f"{found['AP'][kind]:.3f}" if "AP" in found else "random weights"


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table
