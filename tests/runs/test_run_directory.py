import os
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from ntt.data.samples import ReferenceEntry, TargetEntry
from ntt.errors import InputError
from ntt.io import whole_file
from ntt.runs.fingerprint import data_fingerprint, run_fingerprint
from ntt.runs.run_directory import (
    SWEEP_KIND,
    RunFolder,
    failure_of,
    in_use,
    refuse_others,
    write_failure,
    write_record,
)


def opened(path, fingerprint="one", resume=True):
    return RunFolder(path, fingerprint, ["train"], resume)


def test_a_run_goes_on_until_it_is_finished(tmp_path):
    with opened(tmp_path) as folder:
        folder.memo("images")[0] = "first"
    with opened(tmp_path) as folder:
        assert folder.memo("images") == {0: "first"}
        assert not folder.finished
        folder.finish({"AP": 1})
    with opened(tmp_path) as folder:
        assert folder.finished
        assert folder.metrics() == {"AP": 1}
    assert not (tmp_path / "progress").exists()


@pytest.mark.parametrize(("fingerprint", "resume", "warned"), [("two", True, True), ("one", False, False)])
def test_what_is_of_another_run_or_not_wanted_is_not_used(tmp_path, caplog, fingerprint, resume, warned):
    with opened(tmp_path) as folder:
        folder.memo("images")[0] = "first"
        folder.finish({})
    with opened(tmp_path, fingerprint, resume) as folder:
        assert not folder.finished
        assert folder.memo("images") == {}
    assert ("changed since the earlier run; starting over" in caplog.text) == warned


def test_a_failure_is_forgotten_when_the_run_is_tried_again(tmp_path):
    write_failure(tmp_path, "no weights")
    with opened(tmp_path):
        assert not (tmp_path / "failure.json").exists()


def test_what_a_killed_process_was_writing_goes(tmp_path):
    with suppress(ZeroDivisionError), opened(tmp_path), whole_file(tmp_path / "pictures" / "1.png") as path:
        path.write_bytes(b"half a pic")
        (tmp_path / ".weights.pth.part").touch()  # a download that goes on another time
        kept = path.read_bytes()
        raise ZeroDivisionError
    path.write_bytes(kept)  # a killed process does not clean up
    with opened(tmp_path):
        assert (tmp_path / ".weights.pth.part").exists()
        assert not [file for file in tmp_path.rglob("*") if "unfinished" in file.name]


@pytest.mark.parametrize("name", ["metrics.json", "progress"])
def test_files_that_no_run_has_left_are_not_touched(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.txt").touch()
    with pytest.raises(InputError, match=f"contains {name} but no run.json"):
        opened(tmp_path).__enter__()
    assert (tmp_path / name / "thesis.txt").exists()
    assert not in_use(tmp_path)


def test_results_of_other_data_are_not_used(tmp_path, caplog):
    for fingerprint, kept in (("one", {}), ("one", {0: "first"}), ("two", {})):
        with opened(tmp_path) as folder:
            folder.require_data(fingerprint)
            assert folder.memo("images") == kept
            folder.memo("images")[0] = "first"
    assert caplog.text.count("references or target images have changed; starting over") == 1


def test_a_run_without_results_has_a_reason(tmp_path):
    assert failure_of(tmp_path) == "no metrics.json was written; see the log of the run"
    write_failure(tmp_path, "no weights")
    assert failure_of(tmp_path) == "no weights"
    (tmp_path / "frames.json").touch()
    assert failure_of(tmp_path, ("predictions.json", "frames.json")) == "no weights", "an older result"
    (tmp_path / "failure.json").unlink()
    assert failure_of(tmp_path, ("predictions.json", "frames.json")) is None
    assert failure_of(tmp_path) == "no metrics.json was written; see the log of the run"


def test_a_run_does_not_take_the_folder_of_a_sweep_nor_a_sweep_that_of_a_run(tmp_path):
    write_record(tmp_path / "sweep", SWEEP_KIND, ["train"])
    with pytest.raises(
        InputError, match="sweep contains a sweep, not a run; choose another output directory"
    ):
        opened(tmp_path / "sweep").__enter__()
    with opened(tmp_path / "run"):
        pass
    with pytest.raises(InputError, match="run contains a run, not a sweep; choose another output directory"):
        refuse_others(tmp_path / "run", SWEEP_KIND)


def test_predictions_of_the_run_that_is_replaced_go(tmp_path):
    with opened(tmp_path) as folder:
        (tmp_path / "predictions.json").touch()
        folder.finish({})
    with opened(tmp_path):
        assert (tmp_path / "predictions.json").exists()
    with opened(tmp_path, "two"):
        assert not (tmp_path / "predictions.json").exists()


def test_two_processes_do_not_work_in_one_folder(tmp_path):
    assert not in_use(tmp_path)
    with opened(tmp_path):
        assert in_use(tmp_path)
        with pytest.raises(InputError, match="in use by another process"):
            opened(tmp_path).__enter__()
    assert not in_use(tmp_path)


def test_processes_of_one_run_share_the_folder(tmp_path, monkeypatch):
    with opened(tmp_path):
        monkeypatch.setenv("LOCAL_RANK", "1")
        with opened(tmp_path) as second:
            second.journal("images").append("seen")
            assert second.journal("images").file.name == "images.1.jsonl"


def test_a_process_started_in_a_job_of_slurm_has_its_own_rank(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert opened(tmp_path).rank == 1
    monkeypatch.setenv("RANK", "5")  # of torchrun, over several machines
    assert opened(tmp_path).rank == 5


def fingerprint(**values):
    return run_fingerprint(OmegaConf.create({"encoder": {"weights": "none"}, "resume": True, **values}))


def test_the_fingerprint_is_that_of_the_results(tmp_path):
    same = fingerprint()
    assert fingerprint(resume=False) == fingerprint(loader_workers=3) == same
    assert fingerprint(seed=1) != same
    one, two, half = (
        fingerprint(trainer={"devices": devices, "precision": precision})
        for devices, precision in ((1, "32-true"), (2, "32-true"), (1, "bf16-mixed"))
    )
    assert one == two != half


@pytest.mark.parametrize("change", [{"names": "ba"}, {"names": "abc"}, {"label": 1}])
def test_data_are_others_if_the_choice_the_order_or_a_label_is(change):
    assert data_fingerprint(data()) == data_fingerprint(data())
    assert data_fingerprint(data(**change)) != data_fingerprint(data())


def data(names="ab", label=0):
    targets = [TargetEntry(Path(name), None, name) for name in names]
    references = [ReferenceEntry(Path("r"), (1, 1), None, label, "r")]
    return SimpleNamespace(
        references=SimpleNamespace(entries=references), targets=SimpleNamespace(entries=targets)
    )


def test_the_fingerprint_changes_with_a_file_that_is_named(tmp_path):
    weights = tmp_path / "weights.pth"
    absent = fingerprint(encoder={"weights": str(weights)})
    weights.write_bytes(b"one")
    first = fingerprint(encoder={"weights": str(weights)})
    os.utime(weights, (0, 0))
    assert len({absent, first, fingerprint(encoder={"weights": str(weights)})}) == 3


def test_texts_that_cannot_be_paths_do_no_harm():
    assert fingerprint(text="\0") != fingerprint(text="x" * 100_000)
