"""Lists that other projects made become reference files, which a run takes."""

import json
import pickle
from collections import OrderedDict

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from forked import run_forked
from miniatures import COCO, make_coco
from ntt.errors import InputError


@pytest.fixture
def script(load_script):
    return load_script("convert_few_shot")


@pytest.fixture
def words(tmp_path):
    make_coco(tmp_path / "data" / "coco")
    return ["dataset=coco_fewshot", "dataset.shots=1", f"paths.data={tmp_path}/data"]


@pytest.fixture
def annotations(words, tmp_path):
    """Ids of the annotations of the novel classes, by category."""
    file = tmp_path / "data/coco/annotations/instances_train2017.json"
    by_category = OrderedDict()
    for entry in json.loads(file.read_text())["annotations"]:
        by_category.setdefault(entry["category_id"], []).append(entry["id"])
    return by_category


@pytest.fixture
def dataset(project_root):
    def call(*words):
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            return instantiate(compose("train", ["paths.output=none", *words]).dataset)

    return call


def test_a_pickle_becomes_a_reference_file(script, words, annotations, dataset, tmp_path, capsys):
    content = OrderedDict((k, [{"img_id": 9, "ann_ids": ids[:1]}]) for k, ids in annotations.items())
    (tmp_path / "few_shot_1shot_seed33.pkl").write_bytes(pickle.dumps(content))
    script.main([str(tmp_path / "few_shot_1shot_seed33.pkl"), *words])
    file = tmp_path / "few_shot_1shot_seed33.json"
    shown = capsys.readouterr().out
    assert f"80 references of 80 classes written to {file}" in shown
    assert f"python train.py {' '.join(words)} dataset.reference_file={file}" in shown
    assert json.loads(file.read_text())["few_shot"]["source"] == ["few_shot_1shot_seed33.pkl"]
    found = dataset(*words, f"dataset.reference_file={file}")
    found.check()
    assert len(found.references) == 20, "the classes of the protocol"
    other_shots = dataset(*words, "dataset.shots=7", f"dataset.reference_file={file}")
    other_shots.check()


def test_a_list_of_some_classes_is_refused_by_the_run(script, words, annotations, dataset, tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({1: [{"img_id": 9, "ann_ids": annotations[1][:1]}]}))
    script.main([str(tmp_path / "a.pkl"), *words])
    with pytest.raises(InputError, match=r"a\.json: does not contain class 'bicycle'"):
        dataset(*words, f"dataset.reference_file={tmp_path}/a.json").check()


def test_a_list_for_another_data_set_is_refused(script, words, tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({1: [{"img_id": 9, "ann_ids": [123456]}]}))
    with pytest.raises(InputError, match=r"has no annotation 123456 of category 1; the references were"):
        script.main([str(tmp_path / "a.pkl"), *words])
    assert not (tmp_path / "a.json").exists()
    (tmp_path / "data/coco/annotations/instances_train2017.json").unlink()
    with pytest.raises(InputError, match=r"instances_train2017\.json: annotation file not found"):
        script.main([str(tmp_path / "a.pkl"), *words])


def test_a_folder_of_lists(script, words, annotations, dataset, tmp_path):
    folder = tmp_path / "seed1"
    folder.mkdir()
    for category, name in COCO.items():
        entry = {"id": annotations[category][1], "category_id": category}
        (folder / f"full_box_1shot_{name}_trainval.json").write_text(json.dumps({"annotations": [entry]}))
    script.main([str(folder), *words])
    found = json.loads((folder / "few_shot_1shot.json").read_text())
    novel = [category for category, name in COCO.items() if name in dataset(*words).classes]
    assert [entry["id"] for entry in found["annotations"]] == [annotations[k][1] for k in novel]
    script.main([str(folder), *words, f"to={tmp_path}/mine.json"])
    assert json.loads((tmp_path / "mine.json").read_text()) == found


def test_the_command_executes_nothing_and_ends_with_one_line(project_root, words, tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"cposix\nsystem\n(S'touch executed'\ntR.")
    command = [project_root / "scripts" / "convert_few_shot.py", "a.pkl", *words]
    result = run_forked(command, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr == (
        "a.pkl: is not a pickle of plain lists and dictionaries (it refers to posix.system); "
        "no code in it was executed\n"
    )
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("wrong", [[], ["a.pkl"], ["dataset=coco"], ["a.pkl", "dataset=emoji"]])
def test_mistakes(script, wrong):
    with pytest.raises(InputError, match=r"usage: python scripts/convert_few_shot\.py LIST dataset=NAME"):
        script.main(wrong)
