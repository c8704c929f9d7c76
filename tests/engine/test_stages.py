import json
import logging
from io import StringIO

import pytest
from lightning import Callback, Trainer
from rich.console import Console

from ntt.engine.callbacks import Predictions, ProposalRecall, StageProgress, Visualizations
from ntt.engine.data import StageData
from ntt.engine.stages import Stages
from ntt.errors import InputError
from ntt.evaluation import LvisEvaluation, VocEvaluation


@pytest.fixture
def run(fake_model, fake_dataset, tmp_path):
    """All stages with the given callbacks, reading references by twos."""

    def call(*callbacks):
        stages, data = Stages(fake_model, fake_dataset), StageData(fake_dataset, 2, 0)
        trainer = Trainer(
            accelerator="cpu",
            callbacks=list(callbacks),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        trainer.predict(stages, data, return_predictions=False)
        stages.postprocess_memory()
        trainer.test(stages, data, verbose=False)
        return stages

    return call


def test_every_reference_is_remembered_once_and_in_order(run, fake_model):
    run()
    assert fake_model.memory == [0, 0, 0, 1, 1]
    assert fake_model.memory.aggregated


def test_callbacks_see_each_image_with_what_it_yields(run, fake_dataset):
    class Listener(Callback):
        def __init__(self):
            self.heard = []

        def on_test_batch_end(self, trainer, pl_module, outputs, *_):
            self.heard.append(outputs)

    listener = Listener()
    stages = run(listener)
    assert [outcome.target.image_id for outcome in listener.heard] == [11, 12, 13]
    assert listener.heard[0].instances.masks.shape == (1, 32, 40)
    assert listener.heard[0].features.shape == (4, 5, 1)
    assert stages.images == 3
    assert set(stages.clock.seconds) == {"fill_memory", "postprocess_memory", "encode", "propose", "match"}


def test_predictions_without_ground_truth_are_written_and_not_judged(run, tmp_path):
    stages = run(Predictions(tmp_path, LvisEvaluation()), ProposalRecall())
    results = json.loads((tmp_path / "predictions.json").read_text())
    assert [(result["image_id"], result["category_id"]) for result in results] == [(11, 7), (12, 7), (13, 7)]
    assert stages.report == {}


def test_predictions_are_judged_by_the_evaluation_chosen(run, tmp_path, with_ground_truth):
    report = run(Predictions(tmp_path, VocEvaluation())).report
    assert report["protocol"] == "PASCAL VOC"
    assert report["segm"]["nAP50"] == pytest.approx(1)


def test_recall_is_of_all_proposals(run, with_ground_truth):
    report = run(ProposalRecall()).report
    # The one proposal is the whole image, the object its upper half.
    assert report["proposal_recall"]["segm"] == {"AR100": pytest.approx(0.1), "AR1000": pytest.approx(0.1)}


def test_a_ground_truth_that_cannot_be_evaluated_is_refused_before_the_work(
    run, tmp_path, fake_model, with_ground_truth
):
    with pytest.raises(InputError, match="neg_category_ids"):
        run(Predictions(tmp_path, LvisEvaluation()))
    assert fake_model.memory == ["left over"]


def test_pictures_are_drawn_of_the_first_images(run, tmp_path):
    run(Visualizations(tmp_path, images=2))
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    drawn = [
        f"{kind}/{number}.png" for kind in ("features", "instances", "similarity") for number in (11, 12)
    ]
    assert files == sorted([*drawn, "references.png"])


def test_progress_is_logged_where_there_is_no_terminal(run, caplog):
    progress = StageProgress(seconds_between_lines=0)
    progress.console = Console(file=StringIO(), force_terminal=False)
    with caplog.at_level(logging.INFO, logger="ntt.engine.callbacks.progress"):
        run(progress)
    lines = [record.getMessage() for record in caplog.records if "progress" in record.name]
    assert lines[0] == "fill_memory: 5 references"
    assert lines[1].startswith("fill_memory: 2/5 references, ")
    assert lines[1].endswith(" s left")
    assert any(line.startswith("test: 3/3 images, ") for line in lines)
    assert progress.console.file.getvalue() == ""


def test_progress_is_a_bar_on_a_terminal(run, caplog):
    progress = StageProgress(seconds_between_lines=0)
    progress.console = Console(file=StringIO(), force_terminal=True, width=120, color_system=None)
    with caplog.at_level(logging.INFO, logger="ntt.engine.callbacks.progress"):
        run(progress)
    shown = progress.console.file.getvalue()
    assert "fill_memory" in shown
    assert "5/5" in shown
    assert "3/3" in shown
    assert "/s" in shown
    assert not [record for record in caplog.records if "callbacks.progress" in record.name]
