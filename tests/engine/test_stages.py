import json
import logging
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning import Trainer
from rich.console import Console

from ntt.data import FewShotDataset
from ntt.engine.callbacks import Predictions, ProposalRecall, SemanticMaps, StageProgress, Visualizations
from ntt.engine.callbacks.base import ImageCallback
from ntt.engine.data import StageData
from ntt.engine.recorder import Recorder
from ntt.engine.stages import Stages
from ntt.errors import InputError
from ntt.evaluation import LvisEvaluation, VocEvaluation
from ntt.runs.journal import Journal


@pytest.fixture
def run(fake_model, fake_dataset, tmp_path):
    """All stages with the given callbacks, reading references by twos."""

    def call(*callbacks, dataset=fake_dataset, mask_references=False, image_batch=1):
        stages, data = Stages(fake_model, dataset), StageData(dataset, 2, image_batch, 0)
        observers = {type(each).__name__: each for each in callbacks if isinstance(each, ImageCallback)}
        recorder = Recorder(Journal(tmp_path / "progress", "images"), observers)
        trainer = Trainer(
            accelerator="cpu",
            callbacks=[*callbacks, recorder],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        if mask_references:
            assert stages.recall_masks()
            trainer.validate(stages, data, verbose=False)
        stages.begin_memory()
        trainer.predict(stages, data, return_predictions=False)
        stages.postprocess_memory()
        trainer.test(stages, data, verbose=False)
        recorder.summarise(stages)
        shutil.rmtree(tmp_path / "progress")
        return stages

    return call


def test_every_reference_is_remembered_once_and_in_order(run, fake_model):
    run()
    assert fake_model.memory == [0, 0, 0, 1, 1]
    assert fake_model.memory.aggregated


@pytest.mark.parametrize("image_batch", [1, 2])
def test_callbacks_see_each_image_with_what_it_yields(run, image_batch):
    class Listener(ImageCallback):
        def __init__(self):
            self.heard = []

        def on_image_result(self, stages, result):
            self.heard.append(result)

    listener = Listener()
    stages = run(listener, image_batch=image_batch)
    assert [result.index for result in listener.heard] == [0, 1, 2]
    assert [result.target.image_id for result in listener.heard] == [11, 12, 13]
    assert listener.heard[0].instances.masks.shape == (1, 32, 40)
    assert listener.heard[0].features.shape == (4, 5, 1)
    assert stages.images == 3
    assert set(stages.timer.seconds) == {
        "fill_memory",
        "postprocess_memory",
        "encode",
        "propose",
        "match",
        "refine",
    }


@pytest.fixture
def boxed(miniature):
    """The miniature, whose references have boxes only."""
    file = miniature / "references.json"
    content = json.loads(file.read_text())
    for annotation in content["annotations"]:
        del annotation["segmentation"]
    file.write_text(json.dumps(content))
    return FewShotDataset(file, miniature / "references", None, miniature / "targets", shots=2)


def test_masks_are_made_picture_by_picture_before_the_memory_is_filled(run, boxed, caplog, tmp_path):
    progress = StageProgress(seconds_between_lines=0)
    progress.console = Console(file=StringIO(), force_terminal=False)
    with caplog.at_level(logging.INFO, logger="ntt.engine.stage_bar"):
        stages = run(progress, Visualizations(tmp_path, images=0), dataset=boxed, mask_references=True)
    lines = [record.getMessage() for record in caplog.records if "stage_bar" in record.name]
    assert lines[0] == "mask_references: 4 references"
    assert lines[1].startswith("mask_references: 2/4 references, ")
    assert [int(reference.mask.sum()) for reference in boxed.references] == [48 * 96] * 4
    assert "mask_references" in stages.timer.seconds
    assert boxed.mask_file.is_file()
    assert (tmp_path / "references.png").is_file()


def test_masks_that_a_killed_process_made_are_not_made_again(run, fake_model, boxed):
    known = {}
    first = Stages(fake_model, boxed, lambda _: known)
    assert first.recall_masks()
    first.on_validation_start()
    first.validation_step([boxed.references[index] for index in first.image_groups[0]], 0)

    again = FewShotDataset(boxed.reference_file, boxed.reference_images, None, boxed.target_images, shots=2)
    second = Stages(fake_model, again, lambda _: known)
    assert second.recall_masks()
    missing = sum(map(len, again.references.without_mask()))
    assert missing == len(again.references) - len(first.image_groups[0])
    for index in first.image_groups[0]:
        assert torch.equal(again.references[index].mask, boxed.references[index].mask)


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


def test_where_the_truth_is_boxes_only_boxes_are_judged(run, tmp_path, fake_dataset, with_ground_truth):
    for annotation in fake_dataset.ground_truth.dataset["annotations"]:
        del annotation["segmentation"]
    report = run(Predictions(tmp_path, VocEvaluation()), ProposalRecall()).report
    assert report["bbox"]["nAP50"] == pytest.approx(1)
    assert report["open_set"]["precision"] == 1
    assert "segm" not in {*report, *report["proposal_recall"]}


def test_a_ground_truth_that_cannot_be_evaluated_is_refused_before_the_work(
    run, tmp_path, fake_model, with_ground_truth
):
    with pytest.raises(InputError, match="neg_category_ids"):
        run(Predictions(tmp_path, LvisEvaluation()))
    assert fake_model.memory == []


def test_pictures_are_drawn_of_the_first_images(run, tmp_path):
    run(Visualizations(tmp_path, images=2))
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    drawn = [
        f"{kind}/{number}.png" for kind in ("features", "instances", "similarity") for number in (11, 12)
    ]
    assert files == sorted([*drawn, "references.png"])


def test_maps_without_ground_truth_are_written_and_not_judged(run, tmp_path):
    stages = run(SemanticMaps(tmp_path, score_threshold=0.5, images=1))
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    maps = [f"semantic/{name}" for name in ("11.png", "12.png", "13.png", "classes.json")]
    assert files == [*maps, "visualizations/semantic/11.png"]
    classes = np.asarray(Image.open(tmp_path / "semantic" / "11.png"))
    assert classes[:16].tolist() == [[2] * 40] * 16
    assert not classes[16:].any()
    assert stages.report == {}


def test_maps_are_judged_all_at_once_and_crowds_do_not_count(run, fake_dataset, tmp_path):
    def true_masks(image_id):
        """The upper half, which is what the model finds; in one image of three the other class."""
        mask = torch.zeros(1, 32, 40, dtype=torch.bool)
        mask[0, :16] = True
        return mask, torch.tensor([0 if image_id == 13 else 1])

    def crowd_mask(image_id):
        mask = torch.zeros(32, 40, dtype=torch.bool)
        mask[:, 20:] = image_id == 13
        return mask

    fake_dataset.ground_truth = SimpleNamespace(dataset={"annotations": []})
    fake_dataset.true_masks, fake_dataset.crowd_mask = true_masks, crowd_mask
    report = run(SemanticMaps(tmp_path, score_threshold=0.5, images=0)).report["semantic"]
    # Two images are right; of the third the left half counts, all of it in the wrong class.
    assert report["per_class"] == {"disc": 0, "bar": pytest.approx(2 / 2.5)}
    assert report["mIoU"] == pytest.approx(0.4)
    assert report["FB-IoU"] == 1
    assert not (tmp_path / "visualizations").exists()


@pytest.mark.parametrize(("third", "name"), [(13, "X_13_13"), ("../b?", "X_.._b_")])
def test_what_is_drawn_of_pictures_with_one_name_is_kept_apart(run, fake_dataset, tmp_path, third, name):
    names = ("a/x.png", "x_13.png", "b/X.jpg")
    fake_dataset.targets = type(fake_dataset.targets)(
        replace(target, path=Path(file), image_id=image_id)
        for target, file, image_id in zip(fake_dataset.targets, names, (11, 12, third), strict=True)
    )
    drawn = tmp_path / "visualizations"
    run(SemanticMaps(tmp_path, score_threshold=0.5, images=3), Visualizations(drawn, images=3))
    for folder in (tmp_path / "semantic", drawn / "semantic", drawn / "instances", drawn / "features"):
        assert sorted(path.stem for path in folder.glob("*.png")) == [name, "x", "x_13"]


def with_a_spoilt_one(targets):
    """Targets of which the second cannot be read."""

    class SomeUnreadable(type(targets)):
        def __getitem__(self, index):
            if index == 1:
                raise InputError("12.png: is spoilt; replace it")
            return super().__getitem__(index)

    return SomeUnreadable(targets)


@pytest.mark.parametrize("image_batch", [1, 2, 3])
def test_what_cannot_be_read_is_skipped_said_and_missed(
    run, fake_dataset, with_ground_truth, tmp_path, caplog, image_batch
):
    fake_dataset.targets = with_a_spoilt_one(fake_dataset.targets)
    progress = StageProgress(seconds_between_lines=0)
    progress.console = Console(file=StringIO(), force_terminal=False)
    with caplog.at_level(logging.INFO):
        stages = run(
            Predictions(tmp_path, VocEvaluation()), ProposalRecall(), progress, image_batch=image_batch
        )
    assert stages.images == 2
    assert stages.report["skipped"] == [{"file": "12.png", "reason": "is spoilt; replace it"}]
    assert [m for m in caplog.messages if "spoilt" in m] == ["test: skipped 12.png: is spoilt; replace it"]
    assert any(line.startswith("test: 3/3 images, ") for line in caplog.messages)
    assert stages.report["open_set"]["recall"] == pytest.approx(2 / 3)
    assert stages.report["segm"]["nAP50"] == pytest.approx(2 / 3, abs=0.01)
    # As in test_recall_is_of_all_proposals, but of one object in three.
    assert stages.report["proposal_recall"]["segm"]["AR100"] == pytest.approx(0.1 * 2 / 3)


def test_a_long_name_is_cut_so_that_it_can_be_written(run, fake_dataset, tmp_path):
    path = Path("ü" * 120 + ".jpg")
    fake_dataset.targets = type(fake_dataset.targets)(
        replace(target, path=path) for target in fake_dataset.targets
    )
    run(SemanticMaps(tmp_path, score_threshold=0.5, images=3))
    assert len(list((tmp_path / "semantic").glob("*.png"))) == 3


def test_maps_refuse_what_they_cannot_do(run, fake_dataset, fake_model, tmp_path):
    with pytest.raises(InputError, match=r"SemanticMaps: score_threshold must be in \[0, 1\], got 1.5"):
        SemanticMaps(tmp_path, score_threshold=1.5, images=0)
    fake_dataset.ground_truth = SimpleNamespace(dataset={"annotations": [{"bbox": [0, 0, 1, 1]}]})
    with pytest.raises(InputError, match=r"dataset.boxes_only=true: .* use task=instance"):
        run(SemanticMaps(tmp_path, score_threshold=0.5, images=0))
    fake_dataset.ground_truth = None
    fake_dataset.class_names = tuple(map(str, range(255)))
    with pytest.raises(InputError, match=r"at most 254 classes, got 255; use task=instance"):
        run(SemanticMaps(tmp_path, score_threshold=0.5, images=0))
    assert fake_model.memory == [], "said before anything is computed"


def test_progress_is_logged_where_there_is_no_terminal(run, caplog):
    progress = StageProgress(seconds_between_lines=0)
    progress.console = Console(file=StringIO(), force_terminal=False)
    with caplog.at_level(logging.INFO, logger="ntt.engine.stage_bar"):
        run(progress)
    lines = [record.getMessage() for record in caplog.records if "stage_bar" in record.name]
    assert lines[0] == "fill_memory: 5 references"
    assert lines[1].startswith("fill_memory: 2/5 references, ")
    assert lines[1].endswith(" s left")
    assert any(line.startswith("test: 3/3 images, ") for line in lines)
    assert progress.console.file.getvalue() == ""


def test_progress_is_a_bar_on_a_terminal(run, caplog):
    progress = StageProgress(seconds_between_lines=0)
    progress.console = Console(file=StringIO(), force_terminal=True, width=120, color_system=None)
    with caplog.at_level(logging.INFO, logger="ntt.engine.stage_bar"):
        run(progress)
    shown = progress.console.file.getvalue()
    assert "fill_memory" in shown
    assert "5/5" in shown
    assert "3/3" in shown
    assert "/s" in shown
    assert not [record for record in caplog.records if "stage_bar" in record.name]


def test_where_memory_runs_out_fewer_images_are_segmented_at_once(run, fake_model, tmp_path, caplog):
    whole = run(Predictions(tmp_path, VocEvaluation()), image_batch=3).images
    expected = (tmp_path / "predictions.json").read_bytes()
    sizes = []
    encode_all = fake_model.encode_all

    def encode_few(images):
        sizes.append(len(images))
        if len(images) > 1:
            raise MemoryError
        return encode_all(images)

    fake_model.encode_all = encode_few
    assert run(Predictions(tmp_path, VocEvaluation()), image_batch=3).images == whole == 3
    assert sizes == [3, 1, 1, 1]
    assert (tmp_path / "predictions.json").read_bytes() == expected
    assert caplog.text.count("Out of memory with 3 images per batch") == 1


def test_a_single_image_that_does_not_fit_ends_the_run(run, fake_model):
    def refuse(images):
        raise MemoryError

    fake_model.encode_all = refuse
    with pytest.raises(MemoryError):
        run(image_batch=2)


def test_what_one_process_failed_to_read_and_another_read_counts_as_read(tmp_path, fake_model, fake_dataset):
    unread = {"image_id": 11, "file": "1.jpg", "reason": "truncated"}
    for writer in (1, 0):  # files are read in the order of the writers, not of time
        journal = Journal(tmp_path, "images", writer)
        for index in range(3):
            journal.append({"index": index, "unread": unread} if writer else done(index))
    stages = Stages(fake_model, fake_dataset)
    Recorder(Journal(tmp_path, "images"), {}).summarise(stages)
    assert stages.images == 3
    assert "skipped" not in stages.report


def test_images_that_no_process_has_seen_are_an_error(tmp_path, fake_model, fake_dataset):
    journal = Journal(tmp_path, "images")
    journal.append(done(1))
    with pytest.raises(InputError, match="2 of 3 images were not segmented by any process of the run"):
        Recorder(journal, {}).summarise(Stages(fake_model, fake_dataset))


def done(index):
    return {"index": index, "seconds": {}, "notes": {}}
