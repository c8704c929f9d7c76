"""What reaches W&B and TensorBoard of a run, read back from the files that they keep."""

import os

import pytest

from wandb_files import read_records, values

QUICK = ("encoder=dinov2_nano", "encoder.img_size=98")
IMAGE = "image-file"


@pytest.fixture
def records(train, run_dir):
    """Of a run on two images, of which one may be sent, with three loggers."""
    loggers = "logger=[csv,tensorboard,wandb_offline]"
    result = train(*QUICK, "dataset.limit=2", loggers, "logger.wandb.images=1")
    assert result.returncode == 0, result.stderr
    return list(read_records(run_dir()))


def test_everything_is_logged(records, run_dir):
    (run,) = (record.run for record in records if record.HasField("run"))
    assert (run.display_name, run.run_group, run.project) == (run_dir().name, "", "ntt")
    assert list(run.tags) == ["untrained", "nano", "guided", "emoji"]
    config = {}
    for record in records:
        config |= values(record.config.update)
    assert config["encoder"]["name"] == "dinov2_nano"
    assert config["choices"] == {"model": "guided", "dataset": "emoji"}
    steps = [values(record.history.item) for record in records if record.HasField("history")]
    logged = {key: value for step in steps for key, value in step.items()}
    assert {
        *("segm/AP", "segm/AP50", "segm/AP75", "bbox/AP", "untrained/segm/AP", "per_class/disc/segm"),
        *("timing/test", "timing/fill_memory", "timing/images_per_second", "peak_memory/rss"),
        *("encoder/parameters", "segmenter/parameters", "proposal_recall/segm/AR100"),
        *("precision_recall/segm_table.nrows", "precision_recall/bbox_table.nrows", "scores.values"),
    } <= set(logged)
    assert logged["peak_memory/rss"] > 1e8
    assert logged["classes.nrows"] == 2
    assert logged["precision_recall/segm_table.nrows"] == 3 * 101

    shown = [step for step in steps if step.get("images/prediction._type") == IMAGE]
    assert len(shown) == 1, "one image may be sent"
    assert shown[0]["images/ground_truth.masks.ground_truth._type"] == "mask"
    assert shown[0]["images/ground_truth.boxes.ground_truth._type"] == "boxes2D"
    assert shown[0]["images/prediction.masks.prediction._type"] == "mask"
    assert logged["image_table.nrows"] == 1
    # The dashboard asks for this artifact by its name.
    assert f"run-{run.run_id}-image_table" in {record.artifact.name for record in records}
    assert records[-1].HasField("exit")
    assert records[-1].exit.exit_code == 0

    read_tensorboard(run_dir())
    assert (run_dir() / "csv" / "metrics.csv").is_file()


def read_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    assert {"segm/AP", "peak_memory/rss", "timing/test"} <= set(tags["scalars"])
    assert tags["images"] == ["precision_recall/bbox", "precision_recall/segm"]
    assert tags["histograms"] == ["scores"]
    config = events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "name: dinov2_nano" in config


def test_without_a_key_one_line_names_the_fix(train, monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("WANDB")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # no netrc
    monkeypatch.delenv("NETRC", raising=False)
    result = train(*QUICK, "logger=wandb")
    assert result.returncode == 2
    assert result.stderr == (
        "W&B API key is missing; run `wandb login`, set WANDB_API_KEY, or use logger=wandb_offline\n"
    )
    assert "random weights" not in result.stdout, "said before any model is built"


def test_wandb_is_imported_only_by_its_logger(train, tmp_path, monkeypatch):
    (tmp_path / "wandb.py").write_text("raise RuntimeError('wandb was imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    result = train(*QUICK, "dataset.limit=1", "logger=[csv,tensorboard]", forked=False)
    assert result.returncode == 0, result.stderr
    result = train(*QUICK, "dataset.limit=1", "logger=wandb_offline", forked=False)
    assert "wandb was imported" in result.stderr
