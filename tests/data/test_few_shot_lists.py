import json
import pickle
from collections import OrderedDict

import pytest

from miniatures import make_coco, make_voc
from ntt.data.few_shot_lists import list_files, read_lists
from ntt.data.voc import voc_as_coco
from ntt.errors import InputError


@pytest.fixture
def coco(tmp_path):
    return json.loads((make_coco(tmp_path) / "annotations/instances_train2017.json").read_text())


@pytest.fixture
def voc(tmp_path):
    content = voc_as_coco(make_voc(tmp_path) / "VOCdevkit", {"VOC2007": "trainval", "VOC2012": "trainval"})
    (tmp_path / "voc.json").write_text(json.dumps(content))
    return content


def ids_of(content, category, count):
    return [entry["id"] for entry in content["annotations"] if entry["category_id"] == category][:count]


def write_tfa(folder, content, shots, **categories):
    folder.mkdir(exist_ok=True)
    for name, category in categories.items():
        chosen = ids_of(content, category, shots)
        part = {**content, "annotations": [each for each in content["annotations"] if each["id"] in chosen]}
        (folder / f"full_box_{shots}shot_{name.replace('_', ' ')}_trainval.json").write_text(json.dumps(part))
    return folder


def test_read_lists_reads_tfa_lists_for_coco(tmp_path, coco):
    folder = write_tfa(tmp_path / "seed1", coco, 2, person=1, hot_dog=58)
    write_tfa(folder, coco, 5, person=1)
    files = list_files(folder, 2, ["person", "hot dog"])
    assert [file.name for file in files] == [
        "full_box_2shot_person_trainval.json",
        "full_box_2shot_hot dog_trainval.json",
    ]
    assert read_lists(files, tmp_path / "unused") == {1: ids_of(coco, 1, 2), 58: ids_of(coco, 58, 2)}
    assert len(list_files(folder, 2, None)) == 2, "the lists of all classes"
    assert list_files(files[0], 10, ["cat"]) == [files[0]]


def test_list_files_with_missing_lists_raises(tmp_path, coco):
    folder = write_tfa(tmp_path / "seed1", coco, 2, person=1)
    with pytest.raises(InputError, match=r"seed1: contains no list for 2 shots of class 'cat'; use another"):
        list_files(folder, 2, ["person", "cat"])
    with pytest.raises(InputError, match=r"seed1: contains no list for 3 shots; use"):
        list_files(folder, 3, None)
    with pytest.raises(InputError, match=r"nowhere\.txt: list not found; correct the path"):
        list_files(tmp_path / "nowhere.txt", 3, None)
    (tmp_path / "a.csv").touch()
    with pytest.raises(InputError, match=r"a\.csv: unknown list format; supported are \.pkl, \.json, \.txt"):
        read_lists([tmp_path / "a.csv"], tmp_path)


def test_read_lists_reads_pickles_of_no_time_to_train(tmp_path):
    first, second = {"img_id": 9, "ann_ids": [4]}, {"img_id": 10, "ann_ids": [6, 7]}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(OrderedDict({18: [first, second], 1: [first, first]})))
    chosen = read_lists([tmp_path / "a.pkl"], tmp_path)
    assert chosen == {18: [4, 6], 1: [4]}, "duplicates are removed"


@pytest.mark.parametrize(
    "content", [[1], {"a": []}, {1: 5}, {1: [{}]}, {1: [{"ann_ids": []}]}, {1: [{"ann_ids": ["4"]}]}]
)
def test_read_lists_rejects_pickles_of_other_content(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=r"a\.pkl: is not a list of references by category \(\w+Error\("):
        read_lists([tmp_path / "a.pkl"], tmp_path)


def test_read_lists_reads_tfa_lists_for_voc(tmp_path, voc):
    pictures = ["datasets/VOC2012/JPEGImages/2008_000003.jpg", "datasets/VOC2007/JPEGImages/000005.jpg"]
    file = tmp_path / "box_2shot_dog_train.txt"
    file.write_text("\n".join(pictures) + "\n")
    names = {image["id"]: image["file_name"] for image in voc["images"]}
    ((category, found),) = read_lists([file], tmp_path / "voc.json").items()
    entries = {entry["id"]: entry for entry in voc["annotations"]}
    assert {entries[k]["category_id"] for k in found} == {category}
    assert [f"datasets/{names[entries[k]['image_id']]}" for k in found] == pictures
    one = file.rename(tmp_path / "box_1shot_dog_train.txt")
    assert read_lists([one], tmp_path / "voc.json") == {category: found[:1]}


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("box_1shot_dog_train.txt", "JPEGImages/000001.jpg", "000001 is not in .*voc.json; set dataset="),
        ("box_1shot_hat_train.txt", "JPEGImages/000005.jpg", "hat is not in .*voc.json"),
        ("dogs.txt", "", "dogs.txt: the file name must be box_<shots>shot_<class>_train.txt"),
    ],
)
def test_read_lists_rejects_lists_for_another_dataset(tmp_path, voc, name, line, message):
    (tmp_path / name).write_text(line)
    with pytest.raises(InputError, match=message):
        read_lists([tmp_path / name], tmp_path / "voc.json")


def test_read_lists_names_annotations_without_ids(tmp_path):
    file = tmp_path / "full_box_1shot_dog_trainval.json"
    file.write_text(json.dumps({"annotations": [{"id": 1}]}))
    with pytest.raises(InputError, match=r"annotation \{'id': 1\} has no id or category_id"):
        read_lists([file], tmp_path)
