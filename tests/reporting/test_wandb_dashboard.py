import json

import pytest
from wandb_workspaces.workspaces.internal import View

from ntt.reporting.wandb_comparison import LoggedRun
from ntt.reporting.wandb_dashboard import COLOURS, dashboard, specification


@pytest.fixture
def spec():
    runs = [LoggedRun(family, family, ("nano", "", ""), {}, {}) for family in COLOURS]
    return specification(dashboard("me", "ntt", runs))


def panels(spec):
    sections = spec["spec"]["section"]["panelBankConfig"]["sections"]
    return {section["name"]: section["panels"] for section in sections}


def test_it_is_what_the_server_is_sent(spec):
    # The package reads its own form back, and writes the same again.
    assert (
        View.model_validate(json.loads(json.dumps(spec))).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        == spec
    )
    assert (spec["entity"], spec["project"]) == ("me", "ntt")
    assert spec["spec"]["section"]["customRunColors"] == COLOURS


def test_the_panels_ask_for_what_runs_log(spec):
    shown = panels(spec)
    (bars,) = shown["By encoder size"]
    assert bars["config"]["metrics"] == ["dinov2/segm/AP", "dinov3/segm/AP"]
    assert bars["config"]["groupBy"] == "size.value"
    axes = [(panel["config"]["xAxis"], panel["config"]["yAxis"]) for panel in shown["Against cost"]]
    assert axes == [
        ("summary:timing/images_per_second", "summary:segm/AP"),
        ("summary:encoder/parameters", "summary:segm/AP"),
    ]
    assert '"class_differences"' in json.dumps(shown["By class"])
    table, browser = shown["Largest disagreements"]
    assert '"disagreements"' in json.dumps(table)
    assert browser["config"]["mediaKeys"] == ["images/ground_truth", "images/prediction"]


def test_runs_of_other_families_are_left_out(spec):
    filters = json.dumps(spec["spec"]["section"]["runSets"][0]["filters"])
    assert all(f'"{family}"' in filters for family in ("dinov2", "dinov3", "comparison"))
