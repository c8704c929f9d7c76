"""Measure the speed of each method on the same images and weights.

    python scripts/benchmark.py                        # nano models on the emoji scenes
    python scripts/benchmark.py segmenter=sam2.1_tiny segmenter.weights=random encoder=dinov2_large \\
        encoder.weights=random model.proposals.min_iou=-1 dataset.shots=1 dataset.limit=3   # at common sizes
    python scripts/benchmark.py --curve                # AP and time by number of prompts
    python scripts/benchmark.py --growth               # time by number of classes, shots and images

Arguments without dashes are overrides of conf/train.yaml. ``reference`` is a naive implementation of the
grid method, as in the paper's code; ``noamg_exact`` also merges at image size. Each variant runs in its own
process, and the variants alternate on every image, so that other load on the machine affects all of them
equally.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
CONF = ROOT / "conf"
VARIANTS = {
    "reference": ["model=reference"],
    "noamg_exact": ["model=matching_baseline_noamg", "model.matcher.exact=true"],
    "noamg": ["model=matching_baseline_noamg"],
    "guided": ["model=guided"],
}
BUDGETS = (8, 16, 32, 48, 64, 96, 128, 192, 256)
GROWTH_IMAGES = 8
IMAGE_COUNTS = (1, 8, 64)


def main() -> None:
    """Run the selected measurement, print it, and write it to a file if requested."""
    options, overrides = arguments()
    console = Console()
    if options.curve:
        measured = curve(overrides, console)
    elif options.growth:
        measured = growth(overrides, console)
    else:
        measured = compare(overrides, options.threads, console)
    if options.json:
        from ntt.io import write_json

        write_json(options.json, measured)


def arguments() -> tuple[argparse.Namespace, list[str]]:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", metavar="override", help="override of conf/train.yaml")
    parser.add_argument("--curve", action="store_true", help="measure AP and time by number of prompts")
    parser.add_argument(
        "--growth", action="store_true", help="measure time by number of classes, shots and images"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    parser.add_argument("--threads", type=int, default=2, help="torch threads of each variant")
    options = parser.parse_args()
    return options, options.overrides


def compare(overrides: list[str], threads: int, console: Console) -> dict[str, Any]:
    """Compare reference, grid and guided prompts; with AP if the weights are trained."""
    from hydra.utils import instantiate

    from benchmarks.comparison import measure_together
    from benchmarks.measure import compose_train
    from benchmarks.tables import comparison_table
    from ntt.evaluation import CocoEvaluation

    dataset = instantiate(compose_train(CONF, overrides).dataset)
    dataset.check()
    with Progress(console=console) as progress:
        measured = measure_together(CONF, VARIANTS, overrides, threads, _bar(progress))
    for found in measured.values():
        results = found.pop("results")
        if dataset.ground_truth is not None and not found["random_weights"]:
            evaluated = CocoEvaluation()(dataset.ground_truth, results)
            found["AP"] = {kind: evaluated[kind]["AP"] for kind in ("segm", "bbox")}
    console.print(comparison_table(measured))
    return measured


def curve(overrides: list[str], console: Console) -> dict[str, Any]:
    """Measure guided prompts at each budget, and the grid."""
    from hydra.utils import instantiate

    from benchmarks.measure import compose_train, fitted_model
    from benchmarks.scaling import measure_curve
    from benchmarks.tables import curve_table

    guided = compose_train(CONF, ["model=guided", *overrides])
    grid = compose_train(CONF, ["model=matching_baseline_noamg", *overrides])
    strategies = {str(n): instantiate(guided.model.proposals, max_prompts=n) for n in BUDGETS}
    strategies["grid"] = instantiate(grid.model.proposals)
    model, dataset = fitted_model(guided)
    with Progress(console=console) as progress:
        rows = measure_curve(model, dataset, strategies, _bar(progress))
    console.print(curve_table(rows))
    return {"curve": rows}


def growth(overrides: list[str], console: Console) -> dict[str, Any]:
    """Measure cost by classes and shots (synthetic memories) and by images (memory of the references)."""
    from benchmarks.measure import compose_train, fitted_model
    from benchmarks.scaling import grow_images, grow_memory
    from benchmarks.tables import growth_tables

    model, dataset = fitted_model(compose_train(CONF, ["model=guided", *overrides]))
    with console.status("measuring"):
        images = grow_images(model, dataset, IMAGE_COUNTS)
        memory = grow_memory(model, dataset, GROWTH_IMAGES)
    grown = {"memory": memory, "images": images}
    for table in growth_tables(grown):
        console.print(table)
    return grown


def _bar(progress: Progress) -> Callable[[int, int], None]:
    task = progress.add_task("images")
    return lambda done, total: progress.update(task, completed=done, total=total)


if __name__ == "__main__":
    from ntt.engine.command import exit_on_bad_input

    with exit_on_bad_input():
        main()
