import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from ntt.data import FewShotDataset
from ntt.engine.pseudo_masks import ReferenceMasks
from ntt.errors import InputError
from ntt.runs.fingerprint import references_fingerprint

SEGMENTER = SimpleNamespace(name="sam", fingerprint="f1")
SIDE = 96  # of the miniature's pictures


@pytest.fixture
def boxed(miniature):
    """The miniature with two references of four that have a box and no mask."""

    def change(content):
        for annotation in content["annotations"][:2]:
            annotation["segmentation"] = []

    edit(miniature, change)
    return miniature


def edit(root, change):
    file = root / "references.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def dataset(root):
    return FewShotDataset(root / "references.json", root / "references", None, root / "targets", shots=2)


def masks(*rows):
    """A mask for each number of rows that are inside."""
    found = torch.zeros(len(rows), SIDE, SIDE, dtype=torch.bool)
    for mask, count in zip(found, rows, strict=True):
        mask[:count] = True
    return found


def run(root, *rows, segmenter=SEGMENTER):
    """What a run does; every mask missing gets its number of rows. The data and how many were made."""
    data = dataset(root)
    made = ReferenceMasks(data, segmenter)
    missing = made.recall()
    if missing:
        indices = [index for group in data.references.without_mask() for index in group]
        made.add(indices, masks(*rows), torch.tensor([0.5, 0.625][: len(rows)]))
        made.store()
    return data, missing


def areas(data):
    return [int(data.references[index].mask.sum()) // SIDE for index in (0, 1)]


def test_masks_are_given_stored_and_found_again(boxed):
    before = (boxed / "references.json").read_bytes()
    drawn = dataset(boxed).references[2].mask
    first, made = run(boxed, 3, 4)
    assert made == 2
    second, made = run(boxed)
    assert made == 0
    assert areas(first) == areas(second) == [3, 4]
    assert torch.equal(second.references[2].mask, drawn)
    assert (boxed / "references.json").read_bytes() == before, "the originals stay as they are"
    assert references_fingerprint(second.references) == references_fingerprint(first.references)


def test_the_stored_file_is_the_reference_file_with_masks_that_say_where_they_are_from(boxed):
    run(boxed, 3, 4)
    given = json.loads((boxed / "references.json").read_text())
    stored = json.loads((boxed / "references.masks.json").read_text())
    assert stored["annotations"][2:] == given["annotations"][2:]
    assert (stored["images"], stored["categories"]) == (given["images"], given["categories"])
    source = stored["annotations"][1]["mask_source"]
    assert (source["segmenter"], source["fingerprint"], source["predicted_iou"]) == ("sam", "f1", 0.625)
    assert source["prompt"] == {"box": given["annotations"][1]["bbox"]}
    whole = FewShotDataset(boxed / "references.masks.json", boxed / "references", None, boxed / "targets")
    whole.check()
    assert areas(whole) == [3, 4]


def other_segmenter(root):
    return SimpleNamespace(name="sam", fingerprint="f2")


def other_box(root):
    edit(root, lambda content: content["annotations"][0].update(bbox=[1, 1, 9, 9]))


def other_picture(root):
    Image.new("RGB", (SIDE, SIDE)).save(root / "references" / "0.png")


@pytest.mark.parametrize(
    ("change", "anew"), [(other_segmenter, [7, 8]), (other_box, [7]), (other_picture, [7, 8])]
)
def test_masks_are_made_anew_by_another_segmenter_prompt_or_picture(boxed, change, anew):
    before, _ = run(boxed, 3, 4)
    data, made = run(boxed, *anew, segmenter=change(boxed) or SEGMENTER)
    assert made == len(anew)
    assert areas(data) == [*anew, 4][:2]
    assert areas(run(boxed, segmenter=change(boxed) or SEGMENTER)[0]) == areas(data)
    assert references_fingerprint(data.references) != references_fingerprint(before.references)


def test_nothing_is_written_where_all_masks_are_drawn(miniature):
    assert run(miniature)[1] == 0
    assert not (miniature / "references.masks.json").exists()


@pytest.mark.parametrize("text", ["my notes", "{}"])
def test_a_file_of_somebody_else_is_left_alone(boxed, caplog, text):
    file = boxed / "references.masks.json"
    file.write_text(text)
    with caplog.at_level(logging.WARNING):
        data, _ = run(boxed, 3, 4)
    assert file.read_text() == text
    assert f"{file} was not written by ntt and is not overwritten" in caplog.text
    assert areas(data) == [3, 4]


def test_a_folder_that_cannot_be_written_is_a_warning(boxed, caplog, monkeypatch):
    def refuse(self, target):
        raise OSError(f"{target}: the disk is full")

    monkeypatch.setattr(Path, "replace", refuse)  # permissions do not stop root
    with caplog.at_level(logging.WARNING):
        data, _ = run(boxed, 3, 4)
    assert "references.masks.json: cannot store the pseudo masks" in caplog.text
    assert areas(data) == [3, 4]


def test_an_empty_mask_names_the_annotation_and_the_others_are_stored(boxed):
    with pytest.raises(InputError) as caught:
        run(boxed, 0, 4)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(
        f"{boxed}/references/0.png, annotation 1: sam found no object at its box or points; "
    )
    with pytest.raises(InputError):
        run(boxed, 0)
    assert "mask_source" in json.loads((boxed / "references.masks.json").read_text())["annotations"][1]
