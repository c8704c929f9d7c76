"""Summary of a run on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from ntt.reporting.metrics import TEST_PARTS

ORACLE_TITLES = {"true_labels": "with oracle labels", "true_masks": "with oracle masks"}


def print_run(metrics: Mapping[str, Any], output_dir: Path, console: Console) -> None:
    """Print the metrics, the speed and the paths of the output files."""
    parts: list[RenderableType] = [""]
    if "bbox" in metrics:
        kind = "segm" if "segm" in metrics else "bbox"  # the truth may be boxes only
        precision = {name: values[kind] for name, values in metrics["per_class"].items()}
        parts += [_overall(metrics, kind), *_proposals(metrics, kind)]
        parts += ["", _per_class(f"{kind} AP by class", precision), ""]
    if "semantic" in metrics:
        semantic = metrics["semantic"]
        parts += [_semantic(semantic), "", _per_class("IoU by class", semantic["per_class"]), ""]
    parts += [_speed(metrics), *_warnings(metrics)]
    console.print(Group(*parts))
    # Print paths without wrapping, so that they can be copied.
    for name in ("visualizations", "semantic", "predictions.json", "metrics.json"):
        if (output_dir / name).exists():
            console.print(f"{name:<16} {output_dir / name}", soft_wrap=True, highlight=False, markup=False)


def number(value: float | None, digits: int = 3) -> str:
    """Format a metric; an undefined metric (no object of that size or class) becomes a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def _overall(metrics: Mapping[str, Any], best_kind: str) -> Table:
    title = f"{metrics['protocol']} average precision"
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    table.add_column("")
    for name in metrics[best_kind]:
        table.add_column(name, justify="right", style="bold" if name == "AP" else "")
    for kind in dict.fromkeys(("bbox", best_kind)):
        table.add_row(kind, *map(number, metrics[kind].values()))
    for key, title in ORACLE_TITLES.items():
        if key in metrics.get("oracle", {}):
            values = metrics["oracle"][key][best_kind].values()
            table.add_row(f"{best_kind} {title}", *map(number, values), style="dim")
    return table


def _semantic(semantic: Mapping[str, Any]) -> str:
    iou, both_sides = number(semantic["mIoU"]), number(semantic["FB-IoU"])
    return f"[bold]Semantic segmentation[/]\n mIoU [bold]{iou}[/], FB-IoU {both_sides}"


def _proposals(metrics: Mapping[str, Any], kind: str) -> list[str]:
    if "proposal_recall" not in metrics:
        return []
    recall = metrics["proposal_recall"][kind]
    return [
        f"class-agnostic proposal recall: {kind} " + ", ".join(f"{k} {number(v)}" for k, v in recall.items())
    ]


def _per_class(title: str, per_class: Mapping[str, float | None]) -> Table:
    """Return a table of classes, best first, in as many columns as fit in 80 characters."""
    ranked = sorted(per_class.items(), key=lambda item: _undefined_last(item[1]))
    width = max((len(name) for name in per_class), default=1) + 8
    columns = max(1, min(4, 80 // width))
    rows = -(-len(ranked) // columns)
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for _ in range(columns):
        table.add_column(style="dim")
        table.add_column(justify="right")
    table.show_header = False
    for row in range(rows):
        cells = [(escape(name), number(value)) for name, value in ranked[row::rows]]
        table.add_row(*(text for cell in cells for text in cell))
    return table


def _undefined_last(value: float | None) -> float:
    return 1.0 if value is None else -value


def _speed(metrics: Mapping[str, Any]) -> str:
    timing, encoder, segmenter = metrics["timing"], metrics["encoder"], metrics["segmenter"]
    rate = number(timing["images_per_second"], 2)
    parts = ", ".join(f"{part} {timing[part]:.1f}" for part in TEST_PARTS if part in timing)
    return (
        f"{encoder['name']} ({encoder['parameters'] / 1e6:.1f} M, {encoder['img_size']} pixels) + "
        f"{segmenter['name']} ({segmenter['parameters'] / 1e6:.1f} M)\n"
        f"fill_memory {timing['fill_memory']:.1f} s, "
        f"test {timing['test']:.1f} s for {timing['images']} images, {rate} images/s\n"
        f"  {parts} s{_shared(timing)}\n"
        f"memory {metrics['memory_bank']['bytes'] / 1e3:.0f} kB"
    )


def _shared(timing: Mapping[str, Any]) -> str:
    return f", including {timing['shared']:.1f} s saved by the proposal cache" if timing.get("shared") else ""


def _warnings(metrics: Mapping[str, Any]) -> list[str]:
    skipped, lines = len(metrics.get("skipped", ())), []
    if skipped:
        lines = [f"[yellow]Skipped {skipped} unreadable target images; see metrics.json.[/]"]
    untrained = [
        metrics[part]["name"] for part in ("encoder", "segmenter") if metrics[part]["random_weights"]
    ]
    if not untrained:
        return lines
    return [
        *lines,
        f"[yellow]Random weights in {' and '.join(untrained)}: the AP above is meaningless.[/]",
    ]
