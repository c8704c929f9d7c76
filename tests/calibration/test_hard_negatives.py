"""Mining of hard negatives on the references."""

import torch

from ntt.calibration.hard_negatives import as_hard_negatives
from ntt.runs.journal import Journal
from ntt.structures import Reference

PURPLE = (0.9, 0.2, 0.75)  # more similar to red than to blue


def odd_one(colours) -> Reference:
    """Create a reference labelled blue that is more similar to red."""
    image = colours.canvas(60, 80)
    return Reference(image, colours.paint(image, PURPLE, slice(5, 35), slice(10, 40)), 1, "odd.png")


def test_mining_adds_wrong_predictions_as_hard_negatives(colours):
    references = [*colours.references(), odd_one(colours)]
    model = colours.model().fit(references, ["red thing", "blue thing"])
    target = colours.canvas(60, 80)
    colours.paint(target, PURPLE, slice(20, 50), slice(30, 60))
    before = model.predict(target)
    assert before.labels.tolist() == [0]

    tried = []
    found = model.mine_negatives(references, lambda: tried.append(1))
    assert len(tried) == 7
    assert [(mistake.label, mistake.index) for mistake in found] == [(0, 6)]
    (hard_negative,) = as_hard_negatives(references, found, model.memory.class_names)
    assert (hard_negative.label, hard_negative.source) == (0, "odd.png, predicted as red thing")
    assert hard_negative.mask.any()
    vectors, labels = model.memory.negatives
    assert (vectors.shape, labels.tolist()) == ((1, 3), [0])
    after = model.predict(target)
    assert float(after.scores[0]) < float(before.scores[0]) - 0.01


def test_mining_keeps_only_the_most_confident_mistakes(colours):
    model = colours.model().fit(colours.references(), ["red thing", "blue thing"])
    model.reference_memory.negatives_per_class = 2
    assert len(model.mine_negatives([odd_one(colours)] * 4)) == 2


def test_mining_without_mistakes_adds_no_hard_negatives(colours):
    model = colours.model().fit(colours.references(), ["red thing", "blue thing"])
    assert model.mine_negatives(colours.references()) == []
    assert model.memory.negatives[0].shape == (0, 0)


def test_hard_negatives_are_saved_with_the_memory(colours, tmp_path):
    references = [*colours.references(), odd_one(colours)]
    model = colours.model().fit(references, ["red thing", "blue thing"])
    model.mine_negatives(references)
    model.memory.save(tmp_path / "memory.safetensors")
    again = colours.model().reset_memory(["red thing", "blue thing"]).load(tmp_path / "memory.safetensors")
    assert len(model.memory.negatives[0]) == 1
    for mine, theirs in zip(again.negatives, model.memory.negatives, strict=True):
        assert torch.equal(mine, theirs)


def test_mining_reuses_the_mistakes_of_a_killed_process(colours, tmp_path, monkeypatch):
    references = [*colours.references(), odd_one(colours)]
    model = colours.model().fit(references, ["red thing", "blue thing"])
    expected = model.mine_negatives(references, known=Journal(tmp_path, "mistakes").memo())

    again = colours.model().fit(references, ["red thing", "blue thing"])
    monkeypatch.setattr(again, "predict", None)
    found = again.mine_negatives(references, known=Journal(tmp_path, "mistakes").memo())
    assert found == expected
    assert torch.equal(again.memory.negatives[0], model.memory.negatives[0])
