"""Test the configs of published benchmarks on miniature datasets with the original folder layouts."""

import json
from itertools import chain

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf.errors import OmegaConfBaseException

from miniatures import COCO, LVIS, VOC, make_cdfsod, make_coco, make_lvis, make_voc
from ntt.config.messages import describe, require_values
from ntt.data.voc import voc_as_coco
from ntt.errors import InputError

NOVEL = ["person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "boat", "bird", "cat", "dog"]
NOVEL += ["horse", "sheep", "cow", "bottle", "chair", "couch", "potted plant", "dining table", "tv"]
# VOC names of the COCO classes above, where they differ.
SAME = {"motorcycle": "motorbike", "airplane": "aeroplane", "couch": "sofa", "potted plant": "pottedplant"}
SAME |= {"dining table": "diningtable", "tv": "tvmonitor"}


@pytest.fixture
def configured(project_root, tmp_path):
    """Compose the config of a run on a dataset in tmp_path."""

    def call(*overrides):
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            return compose("train", [f"paths.data={tmp_path}", "paths.output=none", *overrides])

    return call


@pytest.fixture
def dataset(configured):
    return lambda *overrides: instantiate(configured(*overrides).dataset)


@pytest.fixture
def coco(tmp_path):
    return make_coco(tmp_path / "coco")


class TestClassLists:
    def test_novel_classes_of_coco_are_those_of_voc(self, dataset):
        novel = dataset("dataset=coco_fewshot").classes
        assert list(novel) == NOVEL
        ids = {name: identity for identity, name in COCO.items()}
        assert [ids[name] for name in novel] == sorted(ids[name] for name in novel)
        assert sorted(SAME.get(name, name) for name in novel) == VOC
        assert len(set(COCO.values()) - set(novel)) == 60

    def test_each_fold_has_every_fourth_class(self, dataset):
        names = list(COCO.values())
        folds = [dataset("dataset=coco_semantic", f"dataset.fold={fold}").classes for fold in range(4)]
        assert [list(fold) for fold in folds] == [names[first::4] for first in range(4)]
        assert [len(fold) for fold in folds] == [20] * 4
        assert len(set(chain(*folds))) == 80

    def test_splits_of_voc_share_one_class(self, dataset):
        splits = [dataset("dataset=pascal_voc", f"dataset.split={split}").classes for split in (1, 2, 3)]
        assert [len(split) for split in splits] == [5] * 3
        assert all(set(split) < set(VOC) for split in splits)
        assert set.intersection(*map(set, splits)) == {"sofa"}, "sofa is in all three splits of the papers"
        assert len(set(chain(*splits))) == 11

    def test_domains_have_the_published_classes(self, configured):
        domains = configured("dataset=cdfsod").dataset.domains
        counts = {name: len(set(domain.classes)) for name, domain in domains.items()}
        assert counts == {"ArTaxOr": 7, "Clipart1k": 20, "DIOR": 20, "FISH": 1, "NEU-DET": 6, "UODD": 3}
        assert all(len(domain.classes) == counts[name] for name, domain in domains.items())
        assert sorted(domains.Clipart1k.classes) == VOC

    @pytest.mark.parametrize(
        ("overrides", "line"),
        [
            (["dataset=coco_semantic", "dataset.fold=4"], "dataset.fold must be one of 0, 1, 2, 3, got 4"),
            (["dataset=pascal_voc", "dataset.split=0"], "dataset.split must be one of 1, 2, 3, got 0"),
            (
                ["dataset=lvis", "dataset.subset=x"],
                "dataset.subset must be one of all, rare, common, frequent, got x",
            ),
            (
                ["dataset=cdfsod", "dataset.domain=Dior"],
                "Unknown dataset.domains: Dior. Known: ArTaxOr, Clipart1k, DIOR, FISH, NEU-DET, UODD.",
            ),
        ],
    )
    def test_unknown_options_list_the_known_ones(self, configured, overrides, line):
        def start(cfg):
            require_values(cfg)  # as every command does
            return instantiate(cfg.dataset)

        with pytest.raises((HydraException, OmegaConfBaseException)) as caught:
            start(configured(*overrides))
        assert describe(caught.value) == line


def test_protocols_select_their_evaluation(configured):
    assert configured("dataset=coco_semantic").callbacks.semantic
    assert configured("dataset=pascal_voc").evaluation.eleven_points
    lvis = configured("dataset=lvis")
    assert lvis.evaluation._target_.endswith("LvisEvaluation")
    assert lvis.model.matcher.max_instances == 300
    assert configured("dataset=lvis", "evaluation=coco").evaluation._target_.endswith("CocoEvaluation")
    for name in ("coco", "coco_fewshot", "cdfsod"):
        assert configured(f"dataset={name}").evaluation._target_.endswith("CocoEvaluation")


def test_coco_fewshot_samples_references_of_novel_classes(dataset, coco):
    found = dataset("dataset=coco_fewshot", "dataset.shots=2", "dataset.seed=3")
    found.check()
    assert list(found.class_names) == NOVEL
    assert sorted(reference.label for reference in found.references) == sorted([*range(20)] * 2)
    assert all(reference.mask.any() for reference in found.references)
    assert {target.path.parent.name for target in found.targets} == {"val2017"}
    kept = json.loads((coco / "few_shot/coco_fewshot/2shot_seed3.json").read_text())
    assert len(kept["annotations"]) == 40
    crowds = [a for a in found.ground_truth.dataset["annotations"] if a["iscrowd"]]
    assert [crowd["category_id"] for crowd in crowds] == [1]


def test_dataset_classes_selects_some_of_the_classes(dataset, coco):
    dataset("dataset=coco_fewshot", "dataset.shots=1").check()
    found = dataset("dataset=coco_fewshot", "dataset.shots=1", "dataset.classes=[tv,dog]")
    found.check()
    assert found.class_names == ("dog", "tv")
    assert len(found.references) == 2


def test_dataset_seed_overrides_the_seed_of_the_run(configured):
    assert configured("dataset=coco", "seed=4").dataset.sampler.seed == 4
    assert configured("dataset=coco", "seed=4", "dataset.seed=5").dataset.sampler.seed == 5


def test_coco_has_all_classes_and_coco_semantic_those_of_the_fold(dataset, coco):
    whole = dataset("dataset=coco", "dataset.shots=1")
    whole.check()
    assert list(whole.class_names) == list(COCO.values())
    fold = dataset("dataset=coco_semantic", "dataset.fold=1")
    fold.check()
    assert fold.class_names == fold.sampler.classes
    assert (coco / "few_shot/coco_semantic/fold1_1shot_seed0.json").is_file()


def test_classes_of_lvis_are_read_from_the_file(dataset, coco, tmp_path):
    make_lvis(tmp_path / "lvis", coco)
    for subset, letters in {"all": "rcf", "rare": "r", "frequent": "f"}.items():
        found = dataset("dataset=lvis", f"dataset.subset={subset}", "dataset.shots=2")
        found.check()
        assert list(found.class_names) == [name for name, letter in LVIS.values() if letter in letters]
    assert {target.path.parent.name for target in found.targets} == {"train2017", "val2017"}
    assert found.ground_truth.dataset["categories"][0]["frequency"] == "f"
    with pytest.raises(InputError, match=r"lvis_v1_minival\.json: not found; list .* dataset=lvis$"):
        dataset("dataset=lvis", "dataset.split=minival", "dataset.shots=2").check()


def test_pascal_voc_has_boxes_as_ground_truth(dataset, tmp_path):
    devkit = make_voc(tmp_path / "pascal_voc") / "VOCdevkit"
    for file, sets in {
        "voc0712_trainval": {"VOC2007": "trainval", "VOC2012": "trainval"},
        "voc07_test": {"VOC2007": "test"},
    }.items():
        (devkit.parent / "annotations").mkdir(exist_ok=True)
        (devkit.parent / "annotations" / f"{file}.json").write_text(json.dumps(voc_as_coco(devkit, sets)))
    found = dataset("dataset=pascal_voc", "dataset.split=2", "dataset.shots=1")
    found.check()
    assert found.class_names == ("aeroplane", "bottle", "cow", "horse", "sofa")
    assert all(reference.mask is None and reference.prompt.box for reference in found.references)
    truth = found.ground_truth.dataset["annotations"]
    assert ["segmentation" in entry for entry in truth] == [False] * 5
    assert [entry["difficult"] for entry in truth] == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("domain", ["UODD", "DIOR", "Clipart1k"])
def test_cdfsod_reads_the_released_folders(dataset, configured, tmp_path, domain):
    names = list(configured("dataset=cdfsod").dataset.domains[domain].classes)
    make_cdfsod(tmp_path / "cdfsod", "clipart1k" if domain == "Clipart1k" else domain, names)
    for shots in (1, 5):
        found = dataset("dataset=cdfsod", f"dataset.domain={domain}", f"dataset.shots={shots}")
        found.check()
        assert list(found.class_names) == names
        assert len(found.references) == shots * len(names)
    with pytest.raises(InputError, match=r"3_shot\.json: not found; list .* dataset\.domain="):
        dataset("dataset=cdfsod", f"dataset.domain={domain}", "dataset.shots=3").check()


@pytest.mark.parametrize("name", ["coco", "coco_fewshot", "coco_semantic", "lvis", "pascal_voc", "cdfsod"])
def test_check_without_data_names_the_preparation_script(dataset, tmp_path, name):
    with pytest.raises(InputError) as caught:
        dataset(f"dataset={name}").check()
    line = str(caught.value)
    assert line.startswith(str(tmp_path))
    assert f"not found; list the missing files with: python scripts/prepare_dataset.py dataset={name}" in line
    assert "\n" not in line


@pytest.mark.parametrize("absent", ["annotations/instances_val2017.json", "train2017", "val2017"])
def test_check_names_missing_files_and_folders(dataset, coco, absent):
    (coco / absent).rename(coco / "elsewhere")
    with pytest.raises(InputError, match=rf"{absent}: not found; list the missing files with"):
        dataset("dataset=coco_fewshot", "dataset.shots=1").check()
