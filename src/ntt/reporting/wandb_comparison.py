"""DINOv2 and DINOv3 compared class by class and image by image, from what their runs logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ntt.errors import InputError

if TYPE_CHECKING:
    import wandb

FAMILIES = ("dinov2", "dinov3")
COMPARISON = "comparison"  # the family of the run that holds the comparison
IMAGE_TABLE, CLASS_TABLE, DISAGREEMENT_TABLE = "image_table", "class_differences", "disagreements"
PER_CLASS = "per_class/"
SHOWN = 10


class LoggedImage(NamedTuple):
    """One row of the table that a run logs of its images; what is None is unknown."""

    image_id: str
    file: str
    ground_truth: wandb.Image | None
    prediction: wandb.Image
    best_match_iou: float | None


@dataclass(frozen=True)
class LoggedRun:
    """What a run logged, as far as it is compared.

    Attributes:
        id: of the run.
        family: of its encoder.
        setting: size, model and dataset, which two runs have to share to be compared.
        per_class: AP by class name, of masks if they were judged.
        images: by image id.
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
        """Pick it from a run's config and summary and the rows of its table of images."""
        aps = {kind: _per_class(summary, kind) for kind in ("segm", "bbox")}
        choices = config.get("choices", {})
        return cls(
            id=id,
            family=config["family"],
            setting=(config["size"], choices.get("model", ""), choices.get("dataset", "")),
            per_class=aps["segm"] or aps["bbox"],
            images={row[0]: LoggedImage(*row) for row in rows},
        )


def read_runs(path: str) -> list[LoggedRun]:
    """Fetch the finished runs of both families, oldest first.

    Args:
        path: ``entity/project``.

    Raises:
        InputError: there is no such project, or W&B cannot be reached.
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
    """The last run of each family in every setting that both have."""
    last: dict[tuple[str, str, str], dict[str, LoggedRun]] = {}
    for run in runs:
        last.setdefault(run.setting, {})[run.family] = run
    return [
        (both[FAMILIES[0]], both[FAMILIES[1]]) for both in last.values() if all(f in both for f in FAMILIES)
    ]


def class_differences(compared: Iterable[tuple[LoggedRun, LoggedRun]]) -> list[list[Any]]:
    """Class with the setting, AP of both and how much more DINOv3 has; what gains most comes first."""
    rows: list[list[Any]] = [
        [f"{name} ({_name(v2.setting)})", v2.per_class[name], ap, ap - v2.per_class[name]]
        for v2, v3 in compared
        for name, ap in v3.per_class.items()
        if name in v2.per_class
    ]
    return sorted(rows, key=lambda row: -row[-1])


def disagreements(compared: Iterable[tuple[LoggedRun, LoggedRun]], count: int = SHOWN) -> list[list[Any]]:
    """The images whose objects one family matches much better than the other.

    Args:
        compared: of ``pairs``.
        count: at most so many.

    Returns:
        Setting, image id and file, the true objects, what DINOv2 and DINOv3 found, the ``best_match_iou`` of
        both and how much more DINOv3 has; the largest difference, either way, first.
    """
    rows: list[list[Any]] = []
    for v2, v3 in compared:
        for image_id, ours in v3.images.items():
            theirs = v2.images.get(image_id)
            if theirs is None or theirs.best_match_iou is None or ours.best_match_iou is None:
                continue
            difference = ours.best_match_iou - theirs.best_match_iou
            pictures = [ours.ground_truth, theirs.prediction, ours.prediction]
            ious = [theirs.best_match_iou, ours.best_match_iou, difference]
            rows.append([_name(v3.setting), image_id, ours.file, *pictures, *ious])
    return sorted(rows, key=lambda row: -abs(row[-1]))[:count]


def log_comparison(run: wandb.Run, compared: Sequence[tuple[LoggedRun, LoggedRun]]) -> None:
    """Log both tables, under the names that the dashboard looks for."""
    import wandb

    v2, v3 = FAMILIES
    classes = wandb.Table(["class", v2, v3, "difference"], class_differences(compared))
    columns = ["setting", "image_id", "file", "ground_truth", v2, v3, f"{v2} match", f"{v3} match"]
    images = wandb.Table([*columns, "difference"], disagreements(compared))
    run.log({CLASS_TABLE: classes, DISAGREEMENT_TABLE: images})


def _image_rows(api: wandb.Api, path: str, run_id: str) -> list[list[Any]]:
    """The rows of a run's table of images; none if it logged none."""
    import wandb

    try:
        table = api.artifact(f"{path}/run-{run_id}-{IMAGE_TABLE}:latest").get(IMAGE_TABLE)
    except wandb.Error:
        return []
    return [] if table is None else table.data


def _per_class(summary: Mapping[str, Any], kind: str) -> dict[str, float]:
    """AP of each class, of which a summary has one number each: ``per_class/boat/segm``."""
    end = f"/{kind}"
    return {
        key.removeprefix(PER_CLASS).removesuffix(end): value
        for key, value in summary.items()
        if key.startswith(PER_CLASS) and key.endswith(end)
    }


def _name(setting: tuple[str, str, str]) -> str:
    return " ".join(word for word in setting if word)
