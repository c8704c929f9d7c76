"""W&B workspace that compares DINOv2 with DINOv3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ntt.reporting.wandb_comparison import (
    CLASS_TABLE,
    COMPARISON,
    DISAGREEMENT_TABLE,
    FAMILIES,
    LoggedRun,
)

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Section, Workspace

COLOURS = {"dinov2": "#4477aa", "dinov3": "#ee6677"}  # colour-blind-safe (Paul Tol)
TITLE = "DINOv2 and DINOv3"
AP = "segm/AP"


def dashboard(entity: str, project: str, runs: Iterable[LoggedRun] = ()) -> Workspace:
    """Build the workspace without network access.

    Args:
        entity: User or team.
        project: Project with the runs.
        runs: Runs to draw in the colour of their family.
    """
    import wandb_workspaces.workspaces as ws

    shown = ", ".join(repr(family) for family in (*FAMILIES, COMPARISON))
    colours = {run.id: ws.RunSettings(color=COLOURS[run.family]) for run in runs}
    return ws.Workspace(
        entity=entity,
        project=project,
        name=TITLE,
        sections=[_by_size(), _against_cost(), _by_class(), _by_image()],
        runset_settings=ws.RunsetSettings(filters=f"Config('family') in [{shown}]", run_settings=colours),
    )


def specification(workspace: Workspace) -> dict[str, Any]:
    """Return the JSON content that saving the workspace would send."""
    # The package has no public method for serialization.
    content: dict[str, Any] = workspace._to_model().model_dump(mode="json", by_alias=True, exclude_none=True)
    return content


def _by_size() -> Section:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

    bars = {f"{family}/{AP}": COLOURS[family] for family in FAMILIES}
    panel = wr.BarPlot(
        title="Mask AP by encoder size",
        metrics=list(bars),
        groupby=wr.Config("size"),
        groupby_aggfunc="mean",
        orientation="v",
        line_colors=bars,
        line_titles={f"{family}/{AP}": family for family in FAMILIES},
    )
    return ws.Section(name="By encoder size", panels=[panel], is_open=True)


def _against_cost() -> Section:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

    speed = wr.ScatterPlot(
        title="AP against images per second",
        x=wr.SummaryMetric("timing/images_per_second"),
        y=wr.SummaryMetric(AP),
    )
    size = wr.ScatterPlot(
        title="AP against encoder parameters",
        x=wr.SummaryMetric("encoder/parameters"),
        y=wr.SummaryMetric(AP),
        log_x=True,
    )
    return ws.Section(name="Against cost", panels=[speed, size], is_open=True)


def _by_class() -> Section:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

    bars = wr.CustomChart.from_table(
        CLASS_TABLE,
        chart_fields={"label": "class", "value": "difference"},
        chart_strings={"title": "AP of DINOv3 minus AP of DINOv2"},
    )
    bars.chart_name = "wandb/bar/v0"
    table = wr.WeavePanelSummaryTable(table_name=CLASS_TABLE)
    return ws.Section(name="By class", panels=[bars, table], is_open=True)


def _by_image() -> Section:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

    table = wr.WeavePanelSummaryTable(table_name=DISAGREEMENT_TABLE)
    browser = wr.MediaBrowser(
        title="All images, one column per run",
        media_keys=["images/ground_truth", "images/prediction"],
        mode="grid",
        grid_x_axis="run",
        grid_y_axis="step",
    )
    layout = ws.SectionLayoutSettings(columns=1, rows=2)
    name = "Largest disagreements"
    return ws.Section(name=name, panels=[table, browser], is_open=True, layout_settings=layout)
