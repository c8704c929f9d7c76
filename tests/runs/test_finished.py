import json
from pathlib import Path

import pytest

from finished_runs import make_failure
from ntt.errors import InputError
from ntt.runs.finished import Run, read_runs, run_names


def test_a_sweep_stands_for_its_jobs_in_the_order_they_were_started(tmp_path):
    make_failure(tmp_path / "10_b", ["encoder=b"], "out of memory")
    make_failure(tmp_path / "9_a", ["encoder=a"], None)
    (tmp_path / "multirun.yaml").touch()
    first, second = read_runs(tmp_path)
    assert (first.folder.name, first.overrides) == ("9_a", ("encoder=a",))
    assert first.failure == "no metrics.json was written; see the log of the run"
    assert second.failure == "out of memory"


def test_a_run_with_metrics_did_not_fail(tmp_path, metrics):
    make_failure(tmp_path / "a", [], None)
    (tmp_path / "a" / "metrics.json").write_text(json.dumps(metrics))
    (run,) = read_runs(tmp_path / "a")
    assert (run.failure, run.kind, run.ap) == (None, "segm", 0.123)
    boxes_only = Run(run.folder, (), {"bbox": {"AP": 0.5}})
    assert (boxes_only.kind, boxes_only.ap) == ("bbox", 0.5)
    assert Run(run.folder, (), {}).ap is None


def test_words_that_refer_to_other_settings_stay_as_typed(tmp_path):
    make_failure(tmp_path / "a", ["image_batch=${seed}", "seed=2"], None)
    (run,) = read_runs(tmp_path / "a")
    assert run.overrides == ("image_batch=${seed}", "seed=2")


def test_what_cannot_be_read_is_said_in_one_line(tmp_path):
    with pytest.raises(
        InputError, match=r"contains no overrides\.yaml; give the directory of a run or a sweep"
    ):
        read_runs(tmp_path)
    make_failure(tmp_path / "a", [], None)
    (tmp_path / "a" / "metrics.json").write_text("{")
    with pytest.raises(InputError, match=r"a/metrics\.json: "):
        read_runs(tmp_path)


def test_names_are_what_runs_do_not_share():
    def named(*runs):
        return run_names([Run(Path(folder), overrides, {}) for folder, *overrides in runs])

    assert named(("0_a", "encoder=a", "seed=1"), ("1_b", "encoder=b", "seed=1")) == ["encoder=a", "encoder=b"]
    assert named(("0_a", "seed=1"), ("1_a", "seed=1")) == ["0_a", "1_a"]
    assert named(("0_a", "x=1"), ("1_a", "x=1"), ("2_a",)) == ["x=1 0_a", "x=1 1_a", "2_a"]
    assert named(("0_a", "x=1")) == ["x=1"]
    assert named(("one/0_a", "x=1"), ("two/0_a", "x=1")) == ["one/0_a", "two/0_a"]
