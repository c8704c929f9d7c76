"""Configs of the integration guide's code become words and experiments of this project."""

from inspect import signature

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from pytorch_lightning import Trainer

from ntt.compat.legacy_config import METHODS, MODEL, OUTER, expand_arguments, read_legacy_config
from ntt.errors import InputError

GUIDE = """
model:
  class_path: no_time_to_train.pl_wrapper.sam2matcher_pl.Sam2MatcherLightningModel
  init_args:
    model_cfg:
      name: "matching_baseline"
      encoder_cfg:
        name: "dinov3_large"
        img_size: 224
        patch_size: 16
      encoder_ckpt_path: "./checkpoints/dinov3/dinov3_vitl16_pretrain.pth"
"""
GENERATOR = {"points_per_side": 12, "pred_iou_thresh": 0.7, "multimask_output": True}
INFERENCE = {
    "points_per_side": 12,
    "iou_thr": 0.3,
    "num_out_instance": 50,
    "kmeans_k": 4,
    "cls_num_per_mask": 1,
}


def content(name="matching_baseline_noAMG", **cfgs):
    return {
        "seed_everything": 7,
        "model": {
            "class_path": "any.Sam2MatcherLightningModel",
            "init_args": {
                "model_cfg": {
                    "name": name,
                    "sam2_cfg_file": "sam2_hiera_l.yaml",
                    "sam2_ckpt_path": "weights/sam.pt",
                    "encoder_cfg": {"name": "dinov2_base", "img_size": 518, "patch_size": 14},
                    "encoder_ckpt_path": "weights/dino.pth",
                    "memory_bank_cfg": {"enable": True, "category_num": 20, "length": 3},
                    **(cfgs or {"sam2_infer_cfgs": dict(INFERENCE)}),
                },
                "dataset_cfgs": {
                    "fill_memory": {
                        "name": "coco",
                        "root": "pictures/train",
                        "json_file": "train.json",
                        "memory_pkl": "train.pkl",
                        "memory_length": 3,
                        "context_ratio": 0.1,
                    },
                    "test": {
                        "name": "coco",
                        "root": "pictures/val",
                        "json_file": "val.json",
                        "norm_img": False,
                    },
                },
                "data_load_cfgs": {"workers": 2},
            },
        },
        "trainer": {
            "accelerator": "cpu",
            "devices": 4,
            "precision": 32,
            "benchmark": True,
            "logger": [{"class_path": "pytorch_lightning.loggers.CSVLogger"}],
        },
    }


@pytest.fixture
def write(tmp_path):
    def to_file(config):
        file = tmp_path / "sample.yaml"
        file.write_text(config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False))
        return file

    return to_file


@pytest.fixture
def composed(project_root):
    def from_words(words):
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            return compose("train", ["paths.output=null", *words])

    return from_words


def test_a_config_asks_for_the_same_here(write, composed):
    legacy = read_legacy_config(write(content()))
    cfg = composed(legacy.overrides())
    assert (cfg.seed, cfg.loader_workers) == (7, 2)
    assert (cfg.encoder.name, cfg.encoder.img_size, cfg.encoder.weights) == (
        "dinov2_base",
        518,
        "weights/dino.pth",
    )
    assert (cfg.segmenter.name, cfg.segmenter.weights) == ("sam2_large", "weights/sam.pt")
    assert cfg.model._target_ == "ntt.models.Sam2MatchingBaselineNoAMG"
    assert (cfg.model.proposals.points_per_side, cfg.model.proposals.min_iou) == (12, 0.3)
    assert (cfg.model.matcher.max_instances, cfg.model.matcher.candidates) == (50, 400)
    assert (cfg.model.memory.context_ratio, cfg.model.memory.max_classes) == (0.1, 20)
    dataset = cfg.dataset
    assert (dataset.reference_file, dataset.reference_images) == ("train.json", "pictures/train")
    assert (dataset.target_file, dataset.target_images, dataset.shots) == ("val.json", "pictures/val", 3)
    assert (cfg.trainer.accelerator, cfg.trainer.precision, cfg.trainer.benchmark) == ("cpu", 32, True)
    assert cfg.logger.csv._target_.endswith("CSVLogger")
    assert list(legacy.unused) == [
        f"{MODEL}sam2_infer_cfgs.kmeans_k",
        "model.init_args.dataset_cfgs.fill_memory.memory_pkl",
        "model.init_args.dataset_cfgs.test.norm_img",
        "trainer.devices",
    ]
    assert all(key in legacy.warning() for key in ("sample.yaml", *legacy.unused))
    assert "embedded" not in legacy.warning()


@pytest.mark.parametrize(
    "config",
    [GUIDE, content(), content("matching_baseline", sam2_amg_cfg=GENERATOR)],
    ids=["guide", "grid", "automatic"],
)
def test_words_and_experiment_are_the_same(write, composed, tmp_path, config):
    legacy = read_legacy_config(write(config))
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "converted.yaml").write_text(legacy.experiment())
    found = composed(["experiment=converted", f"hydra.searchpath=[file://{tmp_path}]"])
    assert OmegaConf.to_container(found) == OmegaConf.to_container(composed(legacy.overrides()))


def test_the_guides_own_yaml(write, composed):
    cfg = composed(read_legacy_config(write(GUIDE)).overrides())
    assert cfg.model._target_ == "ntt.models.Sam2MatchingBaseline"
    assert (cfg.encoder.name, cfg.encoder.img_size) == ("dinov3_large", 224)
    assert cfg.encoder.weights == "./checkpoints/dinov3/dinov3_vitl16_pretrain.pth"


def test_what_is_left_to_the_defaults_is_said(write):
    file = write(GUIDE)
    silent = "does not set the segmenter (sam2_cfg_file) and the dataset (dataset_cfgs)"
    assert read_legacy_config(file).warning() == f"{file}: {silent}; using the embedded default"
    _, warning = expand_arguments([f"legacy_config={file}", "segmenter=sam2_tiny"])
    assert warning == f"{file}: does not set the dataset (dataset_cfgs); using the embedded default"
    assert expand_arguments([f"legacy_config={file}", "segmenter=sam2_tiny", "dataset=lvis"])[1] is None


@pytest.mark.parametrize(
    ("chosen", "classes"),
    [
        ({"class_split": "default_classes"}, None),
        ({"cat_names": ["boat", "traffic light"]}, ["boat", "traffic light"]),
        ({"cat_names": "boat,it's"}, ["boat", "it's"]),
    ],
)
def test_classes_can_be_chosen(write, composed, chosen, classes):
    config = content()
    for part in ("fill_memory", "test"):
        config["model"]["init_args"]["dataset_cfgs"][part].update(chosen)
    assert composed(read_legacy_config(write(config)).overrides()).dataset.classes == classes


def test_few_shot_classes_are_the_twenty_of_pascal_voc(write):
    config = content()
    config["model"]["init_args"]["dataset_cfgs"]["test.class_split"] = "few_shot_classes"
    classes = read_legacy_config(write(config)).values["dataset.classes"]
    assert len(set(classes)) == 20
    assert {"couch", "dining table", "potted plant", "tv"} < set(classes)


def test_dotted_keys_win(write):
    config = content()
    config["model"]["init_args"]["dataset_cfgs"]["test.root"] = "elsewhere"
    assert read_legacy_config(write(config)).values["dataset.target_images"] == "elsewhere"


def test_other_words_win(write):
    file = write(content())
    words = [
        "encoder=dinov3_nano",
        f"legacy_config={file}",
        "-m",
        "dataset.shots=1,2",
        "~trainer.benchmark",
        "model.proposals=null",
    ]
    expanded, warning = expand_arguments(words)
    assert warning
    assert [word for word in expanded if word in words] == [word for word in words if "legacy" not in word]
    assert "segmenter=sam2_large" in expanded
    keys = [word.partition("=")[0].lstrip("+~") for word in expanded]
    assert len(keys) == len(set(keys))
    assert not {"encoder.weights", "encoder.img_size", "model.proposals.points_per_side"} & set(keys)


def test_one_file_at_a_time(write):
    word = f"legacy_config={write(GUIDE)}"
    with pytest.raises(InputError, match="more than once"):
        expand_arguments([word, word])


def test_every_unknown_key_is_named_with_the_file(write):
    config = content()
    config["sede_everything"] = 1
    config["trainer"]["acelerator"] = "gpu"
    config["model"]["init_args"]["model_cfg"]["sam2_infer_cfgs"] = {"point_per_side": 3}
    file = write(config)
    with pytest.raises(InputError) as caught:
        read_legacy_config(file)
    assert sorted(str(caught.value).splitlines()) == [
        f"{file}: {MODEL}sam2_infer_cfgs.point_per_side is unknown; did you mean "
        f"{MODEL}sam2_infer_cfgs.points_per_side?",
        f"{file}: sede_everything is unknown; did you mean seed_everything?",
        f"{file}: trainer.acelerator is unknown; did you mean trainer.accelerator?",
    ]


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        ("model.class_path", "a.RefSam2LightningModel", "only Sam2MatcherLightningModel"),
        (
            f"{MODEL}name",
            "matcher",
            "Unknown legacy model: matcher. Known: matching_baseline, matching_baseline_noamg.",
        ),
        (f"{MODEL}name", None, "name is missing: give matching_baseline or matching_baseline_noAMG"),
        (
            f"{MODEL}encoder_cfg.name",
            "dinov2_bas",
            "Unknown DINOv2 model: dinov2_bas. Did you mean dinov2_base?",
        ),
        (f"{MODEL}encoder_cfg.patch_size", 16, "16, but dinov2_base has patches of 14 pixels"),
        (
            f"{MODEL}memory_bank_cfg.length",
            5,
            "memory_length is 3, but model.init_args.model_cfg.memory_bank_cfg.length is 5",
        ),
        (f"{MODEL}sam2_infer_cfgs.with_negative_refs", True, "True is not supported, only False"),
        (
            "model.init_args.dataset_cfgs.test.class_split",
            "novel_classes",
            "novel_classes is unknown, only default_classes and few_shot_classes are supported",
        ),
        ("model.init_args.data_load_cfgs.workers", "many", "'many' is not a whole number"),
    ],
)
def test_impossible_values_are_named(write, place, value, line):
    config = content()
    *nodes, last = place.split(".")
    node = config
    for name in nodes:
        node = node[name]
    node[last] = value
    with pytest.raises(InputError) as caught:
        read_legacy_config(write(config))
    assert place in str(caught.value)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1\nb: {", ":2: not YAML: "),
        ("a: !!python/object/apply:os.getcwd []", ":1: not YAML: "),
        ("\x00", ": not YAML: "),
        ("- 1", " contains no keys"),
        ("", " contains no keys"),
    ],
)
def test_a_malformed_file_is_one_line(write, text, line):
    file = write(text)
    with pytest.raises(InputError) as caught:
        read_legacy_config(file)
    assert str(caught.value).startswith(f"{file}{line}")
    assert "\n" not in str(caught.value)


def test_an_absent_file_is_one_line(tmp_path):
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(InputError, match=str(path)) as caught:
            read_legacy_config(path)
        assert "\n" not in str(caught.value)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_path_arrives_as_it_is(write, path):
    config = content()
    config["model"]["init_args"]["model_cfg"]["sam2_ckpt_path"] = path
    words = read_legacy_config(write(config)).overrides()
    (word,) = [word for word in words if word.startswith("segmenter.weights=")]
    assert OverridesParser.create().parse_override(word).value() == path


def test_every_key_is_in_the_guides_page(project_root):
    page = (project_root / "docs" / "integration_guide.md").read_text()
    keys = {*OUTER, *(key for method in METHODS.values() for key in method.rules)}
    trainers = {f"trainer.{argument}" for argument in signature(Trainer).parameters}
    told = {"accelerator", "devices", "precision", "benchmark", "deterministic", "logger", "callbacks"}
    names = {key.rpartition(".")[2] for key in keys - trainers} | told
    assert [name for name in sorted(names) if f"`{name}`" not in page and f".{name}`" not in page] == []
