import json
from io import StringIO

import pytest
import yaml
from omegaconf import OmegaConf
from rich.console import Console

from ntt.reporting.comparison import SweepComparison, comparison_table
from ntt.runs.finished import read_runs


def job(folder, name, overrides, metrics):
    (folder / name).mkdir()
    (folder / name / "overrides.yaml").write_text(yaml.safe_dump(overrides))
    if metrics is not None:
        (folder / name / "metrics.json").write_text(json.dumps(metrics))


def lines(folder):
    console = Console(file=StringIO(), width=120)
    console.print(comparison_table(read_runs(folder)))
    return console.file.getvalue().splitlines()


def test_one_row_a_job_in_the_order_they_ran(tmp_path, metrics):
    job(tmp_path, "10_b", ["dataset.limit=2", "encoder=b"], metrics)
    job(tmp_path, "9_a", ["dataset.limit=2", "encoder=a", "seed=1"], metrics)
    job(tmp_path, "11_c", ["dataset.limit=2"], None)
    rows = [line.split() for line in lines(tmp_path)[3:]]
    assert rows[0] == ["encoder=a", "seed=1", "0.123", "0.123", "0.250", "0.430", "0.610", "1.78"]
    assert rows[1][0] == "encoder=b"
    assert rows[2] == ["11_c", "failed"]


def test_brackets_in_words_are_no_markup(tmp_path, metrics):
    for number, classes in enumerate(("[cat,dog]", "[/data/a.jpg]")):
        job(tmp_path, f"{number}_a", [f"dataset.classes={classes}"], metrics)
    assert [line.split()[0] for line in lines(tmp_path)[3:]] == [
        "dataset.classes=[cat,dog]",
        "dataset.classes=[/data/a.jpg]",
    ]


def test_jobs_without_ground_truth_have_dashes(tmp_path, metrics):
    del metrics["segm"], metrics["bbox"], metrics["oracle"]
    job(tmp_path, "0_a", ["encoder=a"], metrics)
    assert lines(tmp_path)[3].split() == ["encoder=a", "-", "-", "-", "-", "-", "1.78"]


def test_miou_is_shown_where_a_run_has_it(tmp_path, metrics):
    job(tmp_path, "0_a", ["task=instance"], metrics)
    assert not any("mIoU" in line for line in lines(tmp_path))
    job(tmp_path, "1_b", ["task=semantic"], {**metrics, "semantic": {"mIoU": 0.456}})
    assert any("mIoU" in line for line in lines(tmp_path))
    rows = [line.split() for line in lines(tmp_path)[3:]]
    assert [row[-1] for row in rows] == ["-", "0.456"]


def end_sweep(folder):
    SweepComparison().on_multirun_end(OmegaConf.create({"hydra": {"sweep": {"dir": str(folder)}}}))


def test_a_sweep_over_seeds_ends_with_means_and_intervals(tmp_path, metrics, capsys):
    for seed, ap in enumerate((0.25, 0.5, 0.75)):
        metrics["segm"]["AP"] = ap
        job(tmp_path, f"{seed}_a", [f"seed={seed}"], metrics)
    job(tmp_path, "3_a", ["seed=3"], None)
    end_sweep(tmp_path)
    printed = capsys.readouterr().out
    assert printed.index("Comparison") < printed.index("Mean and 95 % interval over seeds")
    assert "0.500 ± 0.621" in printed
    (group,) = json.loads((tmp_path / "seeds.json").read_text())
    assert (group["overrides"], group["seeds"]) == ([], ["seed=0", "seed=1", "seed=2"])
    assert group["metrics"]["segm/AP"] == pytest.approx({"mean": 0.5, "low": -0.1210344, "high": 1.1210344})
    assert group["metrics"]["per_class/boat/segm"]["mean"] == pytest.approx(0.1)
    assert not any(name.startswith("timing") for name in group["metrics"])


def test_a_sweep_over_something_else_has_no_intervals(tmp_path, metrics, capsys):
    for number, encoder in enumerate("ab"):
        job(tmp_path, f"{number}_{encoder}", [f"encoder={encoder}", "seed=1"], metrics)
    end_sweep(tmp_path)
    assert "interval" not in capsys.readouterr().out
    assert not (tmp_path / "seeds.json").exists()


def test_a_sweep_ends_well_where_no_report_can_be_made(tmp_path, metrics, capsys, caplog):
    job(tmp_path, "0_a", ["evaluation=coco"], metrics)
    job(tmp_path, "1_b", ["evaluation=voc"], {**metrics, "protocol": "PASCAL VOC"})
    end_sweep(tmp_path)
    assert "Report:" not in capsys.readouterr().out
    (record,) = caplog.records
    assert record.getMessage().startswith(f"Cannot write the report of the sweep: {tmp_path}/1_b and ")
    assert not (tmp_path / "report.html").exists()


def test_a_sweep_says_where_its_report_is(tmp_path, metrics, capsys):
    job(tmp_path, "0_a", ["seed=0"], metrics)
    end_sweep(tmp_path)
    assert f"Report: {tmp_path}/report.html" in capsys.readouterr().out.splitlines()
    assert (tmp_path / "report.html").exists()
