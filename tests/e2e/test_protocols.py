"""Every protocol on a miniature of its data set, in this process with the nano models made small."""

import json

import pytest
from omegaconf import OmegaConf

from miniatures import make_cdfsod, make_coco, make_lvis, make_voc
from ntt.data.download import LvisMinival
from ntt.data.voc import voc_as_coco
from whole_runs import whole_run

SMALL = ["encoder.img_size=64", "model.proposals.max_prompts=16", "trainer=cpu"]


@pytest.fixture(scope="module")
def data(tmp_path_factory, request):
    root = tmp_path_factory.mktemp("data")
    make_coco(root / "coco")
    make_lvis(root / "lvis", root / "coco")
    LvisMinival(root / "lvis/lvis_v1_minival.json", root / "lvis/lvis_v1_val.json").provide()
    devkit = make_voc(root / "pascal_voc") / "VOCdevkit"
    (root / "pascal_voc" / "annotations").mkdir()
    for name, sets in {
        "voc0712_trainval": {"VOC2007": "trainval", "VOC2012": "trainval"},
        "voc07_test": {"VOC2007": "test"},
    }.items():
        content = json.dumps(voc_as_coco(devkit, sets))
        (root / "pascal_voc" / "annotations" / f"{name}.json").write_text(content)
    domains = OmegaConf.load(request.config.rootpath / "conf/dataset/cdfsod.yaml").dataset.domains
    make_cdfsod(root / "cdfsod", "NEU-DET", list(domains["NEU-DET"].classes))
    return root


@pytest.fixture
def run(data, tmp_path):
    """Metrics of a run of train.py."""
    return lambda *words: whole_run(tmp_path, [f"paths.data={data}", *SMALL, *words])


def test_few_shot_coco(run, data):
    metrics = run("dataset=coco_fewshot", "dataset.shots=2")
    assert metrics["protocol"] == "COCO"
    assert len(metrics["per_class"]) == 20
    assert metrics["memory_bank"]["instances"] == 40
    assert (data / "coco/few_shot/coco_fewshot/2shot_seed0.json").is_file()


def test_all_of_coco(run):
    metrics = run("dataset=coco", "dataset.shots=1", "dataset.limit=1", "callbacks=predictions")
    assert len(metrics["per_class"]) == 80
    assert metrics["timing"]["images"] == 1


def test_a_fold_of_coco(run, tmp_path):
    metrics = run("dataset=coco_semantic", "dataset.fold=3", "~callbacks.oracle")
    assert len(metrics["semantic"]["per_class"]) == 20
    assert (tmp_path / "semantic" / "000000000139.png").is_file()


def test_lvis(run):
    metrics = run("dataset=lvis", "dataset.split=minival", "dataset.shots=2")
    assert metrics["protocol"] == "LVIS"
    assert metrics["segm"].keys() >= {"APr", "APc", "APf", "AR300"}
    assert metrics["timing"]["images"] == 1


def test_few_shot_voc(run, data):
    metrics = run("dataset=pascal_voc", "dataset.split=3", "dataset.shots=2")
    assert metrics["protocol"] == "PASCAL VOC"
    assert metrics["bbox"].keys() >= {"nAP50"}
    assert "segm" not in metrics
    assert (data / "pascal_voc/few_shot/split3_2shot_seed0.masks.json").is_file(), "made of boxes"


def test_a_domain(run, data):
    metrics = run("dataset=cdfsod", "dataset.domain=NEU-DET", "dataset.shots=1")
    assert set(metrics["per_class"]["scratches"]) == {"bbox"}
    assert set(metrics["oracle"]["true_masks"]) == {"bbox"}
    assert (data / "cdfsod/NEU-DET/annotations/1_shot.masks.json").is_file()


def test_seeds_of_a_sweep_have_a_mean(train, data, tmp_path):
    words = ["dataset=coco_fewshot", "dataset.seed=0,1", "dataset.shots=1", "dataset.limit=1"]
    words += [f"paths.data={data}", f"paths.runs={tmp_path}/runs", "callbacks=predictions", SMALL[0]]
    result = train(*words, data=[], flags=["-m"])
    assert result.returncode == 0, result.stderr
    assert "Mean and 95 % interval over seeds" in result.stdout
    (file,) = (tmp_path / "runs").rglob("seeds.json")
    (group,) = json.loads(file.read_text())
    assert group["seeds"] == ["dataset.seed=0", "dataset.seed=1"]
    files = [data / f"coco/few_shot/coco_fewshot/1shot_seed{seed}.json" for seed in (0, 1)]
    first, second = (json.loads(file.read_text())["annotations"] for file in files)
    assert first != second
