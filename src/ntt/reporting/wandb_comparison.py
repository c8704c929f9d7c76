"""Comparison of DINOv2 and DINOv3 by class and by image, from runs on W&B."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ntt.errors import InputError

if TYPE_CHECKING:
    import wandb

FAMILIES = ("dinov2", "dinov3")
COMPARISON = "comparison"  # `family` of the run that contains the comparison
IMAGE_TABLE, CLASS_TABLE, DISAGREEMENT_TABLE = "image_table", "class_differences", "disagreements"
PER_CLASS = "per_class/"
SHOWN = 10


class LoggedImage(NamedTuple):
    """One row of the image table of a run; unknown values are None."""

    image_id: str
    file: str
    ground_truth: wandb.Image | None
    prediction: wandb.Image
    best_match_iou: float | None


@dataclass(frozen=True)
class LoggedRun:
    """Logged data of a run that the comparison uses.

    Attributes:
        id: Run id.
        family: Encoder family.
        setting: Encoder size, model and dataset; only runs with equal settings are compared.
        per_class: AP by class name, of masks if available, otherwise of boxes.
        images: Rows of the image table by image id.
    """

    id: str
    family: str
    setting: tuple[str, str, str]
    per_class: dict[str, float]
    images: dict[str, LoggedImage]

    @classmethod
    def of(
        cls, id: str, config: Mapping[str, Any], summary: Mapping[str, Any], rows: Iterable[Sequence[Any]]
    ) -> LoggedRun:
        """Build it from the config, the summary and the image table rows of a run."""
        aps = {kind: _per_class(summary, kind) for kind in ("segm", "bbox")}
        choices = config.get("choices", {})
        return cls(
            id=id,
            family=config["family"],
            setting=(config["size"], choices.get("model", ""), choices.get("dataset", "")),
            per_class=aps["segm"] or aps["bbox"],
            images={row[0]: LoggedImage(*row) for row in rows},
        )


def fetch_runs(path: str) -> list[LoggedRun]:
    """Fetch the finished runs of both families, oldest first.

    Args:
        path: ``entity/project``.

    Raises:
        InputError: The project does not exist, or W&B cannot be reached.
    """
    import wandb

    api = wandb.Api()
    wanted = {"state": "finished", "config.family": {"$in": list(FAMILIES)}}
    try:
        found = list(api.runs(path, filters=wanted, order="+created_at", lazy=False))
        return [
            LoggedRun.of(run.id, run.config, run.summary, _image_rows(api, path, run.id)) for run in found
        ]
    except (wandb.Error, ValueError) as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}") from error


def pairs(runs: Iterable[LoggedRun]) -> list[tuple[LoggedRun, LoggedRun]]:
    """Return the latest run of each family for every setting that both families have."""
    last: dict[tuple[str, str, str], dict[str, LoggedRun]] = {}
    for run in runs:
        last.setdefault(run.setting, {})[run.family] = run
    return [
        (both[FAMILIES[0]], both[FAMILIES[1]]) for both in last.values() if all(f in both for f in FAMILIES)
    ]


def class_differences(compared: Iterable[tuple[LoggedRun, LoggedRun]]) -> list[list[Any]]:
    """Return class with setting, AP of DINOv2, AP of DINOv3 and their difference, largest gain first."""
    rows: list[list[Any]] = [
        [f"{name} ({_name(v2.setting)})", v2.per_class[name], ap, ap - v2.per_class[name]]
        for v2, v3 in compared
        for name, ap in v3.per_class.items()
        if name in v2.per_class
    ]
    return sorted(rows, key=lambda row: -row[-1])


def disagreements(compared: Iterable[tuple[LoggedRun, LoggedRun]], count: int = SHOWN) -> list[list[Any]]:
    """Return the images on which the families differ most.

    Args:
        compared: Run pairs from ``pairs``.
        count: Maximum number of images.

    Returns:
        Rows of setting, image id, file, ground truth, DINOv2 prediction, DINOv3 prediction, the
        ``best_match_iou`` of both and its difference (DINOv3 minus DINOv2), sorted by largest absolute
        difference.
    """
    rows: list[list[Any]] = []
    for v2, v3 in compared:
        for image_id, ours in v3.images.items():
            theirs = v2.images.get(image_id)
            if theirs is None or theirs.best_match_iou is None or ours.best_match_iou is None:
                continue
            difference = ours.best_match_iou - theirs.best_match_iou
            images = [ours.ground_truth, theirs.prediction, ours.prediction]
            ious = [theirs.best_match_iou, ours.best_match_iou, difference]
            rows.append([_name(v3.setting), image_id, ours.file, *images, *ious])
    return sorted(rows, key=lambda row: -abs(row[-1]))[:count]


def log_comparison(run: wandb.Run, compared: Sequence[tuple[LoggedRun, LoggedRun]]) -> None:
    """Log both tables under the names that the dashboard uses."""
    import wandb

    v2, v3 = FAMILIES
    classes = wandb.Table(["class", v2, v3, "difference"], class_differences(compared))
    columns = ["setting", "image_id", "file", "ground_truth", v2, v3, f"{v2} match", f"{v3} match"]
    images = wandb.Table([*columns, "difference"], disagreements(compared))
    run.log({CLASS_TABLE: classes, DISAGREEMENT_TABLE: images})


def _image_rows(api: wandb.Api, path: str, run_id: str) -> list[list[Any]]:
    """Return the rows of the image table of a run; empty if it logged none."""
    import wandb

    try:
        table = api.artifact(f"{path}/run-{run_id}-{IMAGE_TABLE}:latest").get(IMAGE_TABLE)
    except wandb.Error:
        return []
    return [] if table is None else table.data


def _per_class(summary: Mapping[str, Any], kind: str) -> dict[str, float]:
    """Return the AP of each class from summary keys such as ``per_class/boat/segm``."""
    end = f"/{kind}"
    return {
        key.removeprefix(PER_CLASS).removesuffix(end): value
        for key, value in summary.items()
        if key.startswith(PER_CLASS) and key.endswith(end)
    }


def _name(setting: tuple[str, str, str]) -> str:
    return " ".join(part for part in setting if part)
