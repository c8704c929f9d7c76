"""Test the API with a toy encoder and segmenter of colours, for which the correct results are known."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from colour_world import BLUE, GREEN, RED, ColourEncoder, model
from ntt import FewShotSegmenter, InputError
from ntt.structures import Instances, Reference


def found_in(segmenter, image):
    """Return the class names of instances with a score of at least 0.9, from left to right."""
    found = segmenter.predict(image).above(0.9)
    order = found.boxes[:, 0].argsort()
    return [found.names[index] for index in order]


def test_predict_accepts_all_kinds_of_images(fitted, scene, as_array, tmp_path):
    image, (red, blue) = scene(RED, BLUE)
    pixels = as_array(image)
    Image.fromarray(pixels).save(tmp_path / "scene.png")
    for picture in (
        image,
        pixels,
        Image.fromarray(pixels),
        tmp_path / "scene.png",
        str(tmp_path / "scene.png"),
    ):
        found = fitted.predict(picture)
        assert isinstance(found, Instances)
        assert (found.class_names, sorted(found.names)) == (("red", "blue"), ["blue", "red"])
        for name, mask in (("red", red), ("blue", blue)):
            got = found.masks[found.names.index(name)]
            assert (got & mask).sum() / (got | mask).sum() > 0.8
        assert np.array_equal(found.pixels, pixels)
    assert (found.image_id, found.path) == ("scene.png", tmp_path / "scene.png")


def test_add_does_not_encode_existing_references_again(example, scene):
    encoded = []

    class Counting(ColourEncoder):
        def forward(self, images):
            encoded.append(len(images))
            return super().forward(images)

    segmenter = FewShotSegmenter(model())
    segmenter.model.encoder = Counting()
    segmenter.fit([example("red"), example("blue"), example("red")])
    assert sum(encoded) == 3
    image, _ = scene(RED, GREEN, BLUE)
    assert found_in(segmenter, image) == ["red", "blue"]

    encoded.clear()
    assert segmenter.add([example("green", GREEN), example("red")]) == (3, 4)
    assert sum(encoded) == 2
    assert segmenter.class_names == ("red", "blue", "green")
    assert [(each.id, each.name) for each in segmenter.references] == [
        (0, "red"),
        (1, "blue"),
        (2, "red"),
        (3, "green"),
        (4, "red"),
    ]
    assert found_in(segmenter, image) == ["red", "green", "blue"]


def test_add_gives_the_same_memory_as_fit_on_all_references(example):
    at_once = FewShotSegmenter(model()).fit([example("red"), example("blue"), example("green", GREEN)])
    one_by_one = FewShotSegmenter(model()).fit(example("red"))
    one_by_one.add(example("blue"))
    one_by_one.add(example("green", GREEN))
    assert one_by_one.class_names == at_once.class_names
    assert torch.equal(one_by_one.model.memory.prototypes, at_once.model.memory.prototypes)


def test_add_and_fit_with_invalid_references_change_nothing(fitted, example, scene):
    image, _ = scene(RED)
    before = fitted.references
    empty = example("red", mask=torch.zeros(64, 96, dtype=torch.bool))
    for change in (fitted.add, fitted.fit):
        with pytest.raises(InputError, match="is empty"):
            change([example("green", GREEN), example("green", GREEN), empty])
        assert (fitted.class_names, fitted.references) == (("red", "blue"), before)
        assert len(fitted.model.memory) == 2
        assert found_in(fitted, image) == ["red"]


def test_remove_keeps_the_order_of_other_classes_and_references(fitted, example, scene):
    fitted.add([example("green", GREEN), example("green", GREEN)])
    image, _ = scene(RED, GREEN, BLUE)
    fitted.remove("red")
    assert fitted.class_names == ("blue", "green")
    assert "red" not in fitted.predict(image).names
    fitted.remove(2)
    assert [(each.id, each.name) for each in fitted.references] == [(1, "blue"), (3, "green")]
    fitted.remove(3)
    assert fitted.class_names == ("blue",)
    assert fitted.add(example("red")) == (4,), "an id is never reused"
    with pytest.raises(InputError, match=r"'rad' is not in the reference memory. Did you mean red\?"):
        fitted.remove("rad")
    with pytest.raises(InputError, match=r"2 is not in the reference memory. Known: 1, 4\."):
        fitted.remove(2)
    fitted.remove("blue")
    fitted.remove("red")
    with pytest.raises(InputError, match="call fit"):
        fitted.predict(image)


def test_predict_reads_several_images_lazily(fitted, scene):
    read = []

    def pictures():
        for number, colour in enumerate((RED, BLUE, GREEN, RED, BLUE)):
            read.append(number)
            yield scene(colour)[0]

    results = fitted.predict(pictures(), batch_size=2)
    assert read == []
    assert (next(results).names[0], read) == ("red", [0, 1])
    assert (next(results).names[0], read) == ("blue", [0, 1])
    assert [found.image_id for found in results] == [2, 3, 4]


def test_predict_in_batches_gives_the_same_results(fitted, scene):
    pictures = [scene(*colours)[0] for colours in ((RED,), (BLUE, RED), (GREEN,))]
    for alone, together in zip(fitted.predict(pictures), fitted.predict(pictures, batch_size=3), strict=True):
        assert torch.equal(alone.masks, together.masks)
        torch.testing.assert_close(alone.scores, together.scores)


def test_predict_raises_for_or_skips_unreadable_images(fitted, scene, as_array, tmp_path):
    Image.fromarray(as_array(scene(RED)[0])).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"b.png: cannot be read"):
        list(fitted.predict(tmp_path))
    unread = []
    found = list(fitted.predict(tmp_path, on_unreadable=lambda picture, error: unread.append(picture)))
    assert [each.image_id for each in found] == ["a.png"]
    assert unread == [tmp_path / "b.png"]


def test_auto_threshold_is_calibrated_and_stored_in_the_memory_file(example, scene, tmp_path, caplog):
    segmenter = FewShotSegmenter(model(score_threshold="auto")).fit(
        [example(name) for name in ("red", "blue") * 2]
    )
    assert segmenter.score_threshold > 0
    assert "red" in segmenter.predict(scene(RED)[0]).names
    segmenter.save(tmp_path / "memory.safetensors")
    loaded = FewShotSegmenter(model(score_threshold="auto")).load_memory(tmp_path / "memory.safetensors")
    assert loaded.score_threshold == segmenter.score_threshold
    fixed = FewShotSegmenter(model(score_threshold=0.3)).load_memory(tmp_path / "memory.safetensors")
    assert fixed.score_threshold == 0.3
    fixed.save(tmp_path / "fixed.safetensors")
    assert loaded.load_memory(tmp_path / "fixed.safetensors").score_threshold == segmenter.score_threshold
    FewShotSegmenter(model()).fit(example("red")).save(tmp_path / "plain.safetensors")
    loaded.load_memory(tmp_path / "plain.safetensors")
    assert loaded.score_threshold == 0
    assert "has no score threshold" in caplog.text


def test_load_memory_restores_the_memory_and_allows_add(fitted, example, scene, tmp_path):
    fitted.remove(0)
    fitted.add(example("red"))
    fitted.save(tmp_path / "memory.safetensors")
    loaded = FewShotSegmenter(model()).load_memory(tmp_path / "memory.safetensors")
    assert (loaded.class_names, loaded.references) == (fitted.class_names, fitted.references)
    image, _ = scene(RED, BLUE)
    assert torch.equal(loaded.predict(image).scores, fitted.predict(image).scores)
    assert loaded.add(example("green", GREEN)) == (3,)


def test_load_memory_accepts_a_memory_of_a_run_and_resets_its_fingerprint(scene, tmp_path):
    run = model()
    image, (mask,) = scene(RED)
    run.replace_references([Reference(image, mask, 0)], ["red"], references_fingerprint="of the run")
    run.memory.aggregate()
    run.memory.save(tmp_path / "memory.safetensors")
    loaded = FewShotSegmenter(model()).load_memory(tmp_path / "memory.safetensors")
    assert found_in(loaded, image) == ["red"]
    loaded.save(tmp_path / "mine.safetensors")
    with pytest.raises(InputError, match="other weights, references or classes"):
        model().reset_memory(["red"], "of the run").load(tmp_path / "mine.safetensors")


def test_load_memory_rejects_memories_of_other_models_and_invalid_files(fitted, tmp_path):
    file = tmp_path / "memory.safetensors"
    fitted.save(file)
    other = FewShotSegmenter(model())
    other.model.encoder.fingerprint = "another"
    with pytest.raises(
        InputError, match="but the current configuration has other weights, references or classes; use"
    ):
        other.load_memory(file)
    with pytest.raises(InputError, match="file not found"):
        other.load_memory(tmp_path / "absent")
    (tmp_path / "text").write_text("not a memory")
    with pytest.raises(InputError, match="not a memory bank"):
        other.load_memory(tmp_path / "text")
    with safe_open(file, framework="pt") as content:
        facts = json.loads(content.metadata()["bank"])
    facts["references"] = json.dumps([[0, "one too few"]])
    save_file(load_file(file), file, metadata={"bank": json.dumps(facts)})
    with pytest.raises(InputError, match="does not match its 2 vectors"):
        FewShotSegmenter(model()).load_memory(file)
    assert other.references == (), "no memory was loaded"


def test_methods_before_fit_raise(example, scene, tmp_path):
    segmenter = FewShotSegmenter(model())
    for ask in (
        lambda: segmenter.predict(scene(RED)[0]),
        lambda: segmenter.predict([]),
        lambda: segmenter.add(example("red")),
        lambda: segmenter.remove("red"),
        lambda: segmenter.save(tmp_path / "memory"),
    ):
        with pytest.raises(InputError, match=r"call fit\(\) with references, or load_memory\(\)"):
            ask()
    assert (segmenter.class_names, segmenter.references) == ((), ())
    assert repr(segmenter) == "<FewShotSegmenter colour + colour, not fitted>"


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ([], "the list is empty"),
        (None, "cannot segment a NoneType"),
        (7, "cannot segment a int"),
        (np.zeros((60, 80, 3)), r"float64 array of shape \(60, 80, 3\); pass a path, a PIL image"),
        (np.zeros((60, 80), np.uint8), r"uint8 array of shape \(60, 80\)"),
        (torch.zeros(60, 80, 3), r"float32 tensor of shape \(60, 80, 3\)"),
        (torch.zeros(1, 3, 60, 80), r"float32 tensor of shape \(1, 3, 60, 80\)"),
        (torch.full((3, 60, 80), 255.0), r"values from 255 to 255; scale them to \[0, 1\]"),
        (torch.full((3, 60, 80), torch.nan), "values from nan"),
        ("absent.jpg", "absent.jpg: image not found"),
        ("absent/*.jpg", "no image matches the pattern"),
    ],
)
def test_predict_rejects_invalid_images_in_one_line(fitted, pictures, message):
    with pytest.raises(InputError, match=message) as caught:
        fitted.predict(pictures)
    assert "\n" not in str(caught.value)


def test_predict_rejects_a_batch_size_of_zero(fitted, scene):
    with pytest.raises(InputError, match="batch_size must be an integer of at least 1, got 0"):
        fitted.predict([scene(RED)[0]], batch_size=0)
