import json
from pathlib import Path
from threading import Thread

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from pycocotools.coco import COCO

from app_world import CENTRES, HEIGHT, LIMITS, PLACES, WIDTH
from colour_world import model
from ntt import FewShotSegmenter
from ntt.app.session import Session
from ntt.errors import InputError
from ntt.structures import Instances

ENLARGED = 600 / WIDTH


def add_references(session, picture, *names):
    session.open(picture)
    for name in names:
        click(session, name)
        session.add_reference(name)


def click(session, name):
    session.prompts.click(session.models, *(ENLARGED * each for each in CENTRES[name]), on_object=True)


def search(session, *files, encoders=("colour",)):
    return list(session.search(files, encoders))


def names(found, threshold=0.5):
    kept = found.instances.above(threshold)
    return [found.class_names[label] for label in kept.labels.tolist()]


def calls(module):
    """Count the calls of a network from now on."""
    counted = []
    module.register_forward_hook(lambda *_: counted.append(1))
    return counted


def test_search_of_an_image_without_objects_gives_an_empty_result(session, picture, tmp_path, monkeypatch):
    add_references(session, picture, "red")
    blank = tmp_path / "blank.png"
    Image.new("RGB", (2000, 40), "white").save(blank)
    monkeypatch.setattr(
        "ntt.models.PrototypeMatching.match", lambda self, features, proposals, *size: Instances.empty(*size)
    )
    assert search(session, str(blank)) == [None]
    (found,) = session.results["colour"]
    assert len(found.instances) == 0
    assert found.draw(0.5)[1] == "blank.png: nothing above the threshold"


def test_click_predicts_a_mask_and_undo_removes_it(session, picture):
    session.open(picture)
    click(session, "red")
    assert session.prompts.pixels.shape == (300, 600, 3), "small images are enlarged"
    inside = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    inside[PLACES["red"]] = True
    inside = F.interpolate(inside[None, None].float(), (300, 600))[0, 0] > 0
    assert ((session.prompts.mask & inside).sum() / (session.prompts.mask | inside).sum()) > 0.85
    session.prompts.click(session.models, 4, 60, on_object=False)
    assert [on for *_, on in session.prompts.clicks] == [1, 0]
    session.prompts.undo()
    session.prompts.undo()
    assert session.prompts.mask is None
    with pytest.raises(InputError, match="Click on the object first"):
        session.prompts.click(session.models, 4, 60, on_object=False)


def test_search_finds_and_saves_objects_of_the_references(session, picture, tmp_path):
    add_references(session, picture, "red", "blue")
    assert search(session, picture) == [None]
    (found,) = session.results["colour"]
    assert sorted(names(found)) == ["blue", "red"]
    threshold = session.first_threshold("colour")
    assert threshold == pytest.approx(0.4 * float(found.instances.scores[0]), abs=0.011)
    drawn, line = session.draw("colour", 0.5)[0]
    assert "1 red" in line
    assert drawn.shape == (300, 600, 3)
    assert session.draw("colour", 1.01)[0][1].endswith("nothing above the threshold")

    coco = COCO(str(session.save_coco("colour", 0.5)))
    assert {cat["name"] for cat in coco.loadCats(coco.getCatIds())} == {"red", "blue"}
    assert coco.imgs[1]["file_name"] == Path(picture).name
    assert len(coco.anns) == 2
    assert coco.annToMask(coco.anns[1]).shape == (HEIGHT, WIDTH)
    assert json.loads(session.save_coco("colour", 1.01).read_text())["annotations"] == []
    again = FewShotSegmenter(model()).load_memory(session.save_memory("colour"))
    assert again.class_names == ("red", "blue")


def test_a_new_threshold_needs_no_inference_and_references_are_encoded_once(session, models, picture):
    encoder = calls(models._loaded["colour"].model.encoder)
    add_references(session, picture, "red")
    search(session, picture)
    assert len(encoder) == 2, "the reference and the target"
    session.draw("colour", 0.1)
    session.save_coco("colour", 0.1)
    assert len(encoder) == 2
    add_references(session, picture, "blue")
    assert session.results == {}, "results of another memory are cleared"
    search(session, picture)
    assert len(encoder) == 4


def test_remove_deletes_the_reference_for_all_encoders(session, picture):
    add_references(session, picture, "red", "blue")
    search(session, picture, encoders=("colour", "other"))
    session.selected = 0
    session.remove()
    search(session, picture, encoders=("colour", "other"))
    assert [names(session.results[encoder][0]) for encoder in ("colour", "other")] == [["blue"], ["blue"]]
    session.selected = 0
    session.remove()
    with pytest.raises(InputError, match="There are no references"):
        search(session, picture)
    add_references(session, picture, "red")
    search(session, picture)
    assert names(session.results["colour"][0]) == ["red"]


def test_sessions_share_only_networks(models, picture):
    sessions = {name: Session(models, LIMITS) for name in ("red", "blue")}
    for name, session in sessions.items():
        add_references(session, picture, name)
    threads = [Thread(target=search, args=(session, *[picture] * 3)) for session in sessions.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, session in sessions.items():
        assert [names(found) for found in session.results["colour"]] == [[name]] * 3
    encoders = {id(session._memories["colour"].model.model.encoder) for session in sessions.values()}
    assert len(encoders) == 1
    assert models._loaded["colour"].references == ()


def test_encoders_share_the_segmenter(models):
    assert models.new("other").model.segmenter is models.new("colour").model.segmenter


def test_bad_images_raise_and_change_nothing(session, picture, bad_files):
    add_references(session, picture, "red")
    before = session.prompts
    for file, message in bad_files.items():
        with pytest.raises(InputError, match=f"^{message}"):
            session.open(str(file))
        assert session.prompts is before
    found, *problems = search(session, picture, *list(bad_files)[:2])
    assert found is None
    assert [problem.split(":")[0] for problem in problems] == ["text.jpg", "half.png"]
    assert len(session.results["colour"]) == 1
    search(session, *list(bad_files)[:2])
    assert session.results["colour"] == [], "no image is readable"


def test_session_enforces_limits_and_names(session, picture):
    with pytest.raises(InputError, match="Click on an object"):
        session.add_reference("red")
    add_references(session, picture, "red")
    with pytest.raises(InputError, match="There are 4 target images; the maximum is 3"):
        search(session, *[picture] * 4)
    with pytest.raises(InputError, match="no target image"):
        search(session)
    click(session, "red")
    for name, message in (("  ", "name"), ("x" * 61, "61 characters")):
        with pytest.raises(InputError, match=message):
            session.add_reference(name)
    session.add_reference("  a   b ")
    assert session.shown[-1].example.name == "a b"
    add_references(session, picture, "red", "red")
    with pytest.raises(InputError, match="already 4 references"):
        add_references(session, picture, "red")


def test_close_frees_memory_and_files(session, picture):
    add_references(session, picture, "red")
    search(session, picture)
    saved = session.save_memory("colour")
    session.close()
    assert not saved.parent.exists()
    assert (session.shown, session.results, session.prompts) == ([], {}, None)
