"""Types, ranges and unknown keys of a compose_config config, checked before anything is loaded."""

import copy
from collections.abc import Sequence

import pytest
from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override

from ntt.config.composition import compose_config
from ntt.config.schema import check_config
from ntt.errors import InputError

OUTPUT = "paths.output=out"
PROTOCOLS = ("cdfsod", "coco", "coco_fewshot", "coco_semantic", "lvis", "pascal_voc")
# Each option of each group whose targets differ from those of the others, and what it needs.
COMPOSITIONS = [
    "train",
    "app",
    "predict references=r images=i",
    *(f"train model={name}" for name in ("insid3", "matching_baseline", "photographs", "reference")),
    *(
        f"train scorer={name}"
        for name in ("k_means", "nearest_instance", "optimal_transport", "soft_nearest")
    ),
    *(f"train refine={name}" for name in ("grabcut", "segmenter")),
    *(f"train encoder={name}" for name in ("dinov2_small", "dinov3_7b", "efficientnet_lite0", "ensemble")),
    *(f"train segmenter={name}" for name in ("none", "sam2_lite", "sam2.1_large")),
    *(f"train evaluation={name}" for name in ("lvis", "voc", "voc2007")),
    *(f"train dataset={name}" for name in ("emoji_validation", "photos", *PROTOCOLS)),
    "train dataset=folder dataset.root=r",
    "train dataset=custom dataset.reference_file=a dataset.reference_images=b dataset.target_images=c",
    "train confidence=softmax task=semantic trainer=ddp logger=[csv,tensorboard,wandb]",
    *(f"predict references=r video=v tracking={name}" for name in ("overlap", "sam2")),
]
# Options that also take text, tables that a target takes as a whole, and keywords of TensorBoard's writer.
FREE = (
    "resume",
    "trainer.",
    "segmenter.overrides",
    "dataset.domains",
    "dataset.fold",
    "dataset.split",
    "dataset.sampler.frequency.options",
    "logger.tensorboard",
)


def compose(line: str) -> DictConfig:
    job, *overrides = line.split()
    return compose_config(job, [OUTPUT, *overrides])


def refusal(cfg: DictConfig, overrides: Sequence[str] = ()) -> str:
    with pytest.raises(InputError) as error:
        check_config(cfg, overrides)
    return str(error.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("max_megapixels=abc", "max_megapixels must be a number, got abc"),
        ("max_megapixels=0", "max_megapixels must be above 0, got 0"),
        ("image_batch=1.5", "image_batch must be an integer, got 1.5"),
        ("image_batch=0", "image_batch must be at least 1, got 0"),
        ("image_batch=true", "image_batch must be an integer, got true"),
        ("loader_workers=-1", "loader_workers must be at least 0, got -1"),
        ("seed=null", "seed must be an integer, got null"),
        ("seed=-1", "seed must be in [0, 4294967295], got -1"),
        ("strict=maybe", "strict must be true or false, got maybe"),
        ("score_threshold=1.5", "score_threshold must be in [0, 1], got 1.5"),
        ("score_threshold=high", "score_threshold must be auto or a number, got high"),
        ("cache.when=often", "cache.when must be sweep, always or never, got often"),
        ("encoder.img_size=[64,64]", "encoder.img_size must be an integer, got [64, 64]"),
        ("encoder.layers=null", "encoder.layers must be a list of integers, got null"),
        ("encoder.layers=[1.5]", "encoder.layers must be a list of integers, got [1.5]"),
        ("encoder.debias.rank=1.5", "encoder.debias.rank must be an integer, got 1.5"),
        ("segmenter.prompt_memory=abc", "segmenter.prompt_memory must be a number or null, got abc"),
        ("model.memory.context_ratio=nan", "model.memory.context_ratio must be a number, got nan"),
        ("model.memory.context_ratio=-1", "model.memory.context_ratio must be at least 0, got -1"),
        ("model.memory.batch_size=0", "model.memory.batch_size must be at least 1, got 0"),
        ("model.matcher.nms_iou=5", "model.matcher.nms_iou must be in [0, 1], got 5"),
        ("model.matcher.max_instances=-1", "model.matcher.max_instances must be at least 1, got -1"),
        ("model.proposals.focus=1", "model.proposals.focus must be in [0, 1), got 1"),
        ("dataset.shots=1.5", "dataset.shots must be an integer or null, got 1.5"),
        ("dataset.limit=0", "dataset.limit must be at least 1, got 0"),
        ("dataset.classes=[[banana]]", "dataset.classes must be a list of names or null, got [['banana']]"),
        ("+encoder.imgsize=64", "Unknown key: encoder.imgsize. Did you mean encoder.img_size?"),
        ("+dataset.limt=1", "Unknown key: dataset.limt. Did you mean dataset.limit?"),
        ("+image_bach=2", "Unknown key: image_bach. Did you mean image_batch?"),
    ],
)
def test_check_config_refuses_wrong_values_and_unknown_keys_in_one_line(override, message):
    assert refusal(compose(f"train {override}"), [override]) == message


def test_check_config_names_the_key_that_the_user_sets_behind_an_interpolation():
    cfg = compose("train confidence=softmax confidence.temperature=abc")
    assert refusal(cfg) == "confidence.temperature must be a number, got abc"


def test_check_config_lists_every_problem():
    assert set(refusal(compose("train seed=x +dataset.limt=1 image_batch=two")).splitlines()) == {
        "Unknown key: dataset.limt. Did you mean dataset.limit?",
        "seed must be an integer, got x",
        "image_batch must be an integer, got two",
    }


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("strict=no", "strict", False),
        ("strict=yes", "strict", True),
        ("segmenter.compile=off", "segmenter.compile", False),
        ("resume=no", "resume", False),
        ("resume=runs/one", "resume", "runs/one"),
        ("encoder.img_size=64.0", "encoder.img_size", 64),
        ("dataset.classes=banana", "dataset.classes", ["banana"]),
        ("dataset.classes=6", "dataset.classes", ["6"]),
        ("dataset.classes=[6,b]", "dataset.classes", ["6", "b"]),
        ("dataset=folder dataset.root=20240101", "dataset.root", "20240101"),
        ("evaluation=voc evaluation.novel_classes=banana", "evaluation.novel_classes", ["banana"]),
        ("max_megapixels=32", "max_megapixels", 32),
    ],
)
def test_check_config_converts_values_to_the_type_of_the_option(override, key, value):
    cfg = compose(f"train {override}")
    check_config(cfg)
    found = OmegaConf.to_container(OmegaConf.create({"value": OmegaConf.select(cfg, key)}))["value"]
    assert found == value
    assert type(found) is type(value)


def test_check_config_keeps_values_of_the_right_type():
    cfg = compose("train")
    before = OmegaConf.to_yaml(cfg)
    check_config(cfg)
    assert OmegaConf.to_yaml(cfg) == before


def test_check_config_allows_own_keys_that_an_interpolation_uses():
    for line in (
        "train +my.size=128 encoder.img_size=${my.size}",
        "train +alpha=0.5 score_threshold=${alpha}",
    ):
        check_config(compose(line), line.split()[1:])


def leaves(node: DictConfig, path: str = ""):
    """Yield the path and raw value of every value that is no interpolation."""
    for key in node:
        full = f"{path}.{key}" if path else str(key)
        if OmegaConf.is_interpolation(node, key) or OmegaConf.is_missing(node, key):
            continue
        value = node[key]
        if isinstance(value, DictConfig):
            yield from leaves(value, full)
        elif not str(key).startswith("_") and not isinstance(value, ListConfig):
            yield full, value


def with_values(cfg: DictConfig, values: dict[str, object]) -> DictConfig:
    result = copy.deepcopy(cfg)
    with flag_override(result, "struct", False):
        for path, value in values.items():
            OmegaConf.update(result, path, value)
    return result


@pytest.mark.parametrize("line", COMPOSITIONS)
def test_check_config_refuses_text_for_every_number_and_an_unknown_key_in_every_group(line):
    cfg = compose(line)
    found = [(path, value) for path, value in leaves(cfg) if not path.startswith(FREE)]
    numbers = {path for path, value in found if isinstance(value, bool | int | float)}
    assert "seed" in numbers
    unknown = {f"{path.rpartition('.')[0]}.unheard_of".lstrip(".") for path, _ in found} - {
        "paths.unheard_of"
    }
    values = {**dict.fromkeys(numbers, "abc"), **dict.fromkeys(unknown, 1)}
    lines = refusal(with_values(cfg, values), [f"+{key}=1" for key in unknown]).splitlines()
    refused = {line.partition(" must be ")[0] for line in lines if line.endswith(", got abc")}
    assert sorted(numbers - refused) == []
    refused = {line.removeprefix("Unknown key: ").partition(". ")[0] for line in lines}
    assert sorted(unknown - refused) == []
