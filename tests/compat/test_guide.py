"""The integration guide's constructors build the same models as the configs."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from ntt.compat.guide import AUTOMATIC, GRID, SEGMENTERS
from ntt.errors import InputError
from ntt.models import Sam2MatchingBaseline, Sam2MatchingBaselineNoAMG
from ntt.segmenters import Sam2Segmenter
from ntt.structures import Reference

MODELS = {
    "matching_baseline": Sam2MatchingBaseline,
    "matching_baseline_noamg": Sam2MatchingBaselineNoAMG,
}


def keywords(**changes):
    """Keyword arguments as in the guide, with random weights."""
    return {
        "sam2_cfg_file": "sam2_hiera_t.yaml",
        "sam2_ckpt_path": "random",
        "encoder_cfg": {"name": "dinov3_nano", "img_size": 224, "patch_size": 16},
        "encoder_ckpt_path": "random",
        "memory_bank_cfg": {"enable": True, "category_num": 20, "length": 10},
        **changes,
    }


@pytest.fixture
def composed(project_root):
    def from_words(*words):
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            return compose("train", ["paths.output=null", "dataset=custom", *words])

    return from_words


@pytest.fixture
def small_segmenter(composed):
    """The segmenter with committed weights, because SAM 2 tiny is slow."""
    return instantiate(composed().segmenter)


def insides(part):
    """Collect all attributes of a component, recursively."""
    if type(part).__module__.startswith("ntt."):
        return type(part), {name: insides(value) for name, value in vars(part).items()}
    return part


def references():
    generator = torch.Generator().manual_seed(0)
    found = []
    for label in (0, 1, 1):
        image = torch.rand(3, 80, 96, generator=generator) / 4
        image[label, 20:60, 30:70] = 1
        mask = torch.zeros(80, 96, dtype=torch.bool)
        mask[20:60, 30:70] = True
        found.append(Reference(image, mask, label))
    return found


@pytest.mark.parametrize(
    ("name", "cfg", "words"),
    [
        (
            "matching_baseline",
            {
                "sam2_amg_cfg": {
                    "points_per_side": 4,
                    "points_per_batch": 8,
                    "pred_iou_thresh": 0.01,
                    "stability_score_thresh": 0.02,
                    "stability_score_offset": 0.5,
                    "box_nms_thresh": 0.8,
                    "multimask_output": True,
                }
            },
            [
                "model.proposals.points_per_side=4",
                "model.proposals.points_per_batch=8",
                "model.proposals.pred_iou_thresh=0.01",
                "model.proposals.stability_score_thresh=0.02",
                "model.proposals.stability_score_offset=0.5",
                "model.proposals.box_nms_thresh=0.8",
            ],
        ),
        (
            "matching_baseline_noamg",
            {
                "sam2_infer_cfgs": {
                    "points_per_side": 4,
                    "iou_thr": 0.01,
                    "nms_thr": 0.6,
                    "num_out_instance": 3,
                }
            },
            [
                "model.proposals.points_per_side=4",
                "model.proposals.min_iou=0.01",
                "model.matcher.nms_iou=0.6",
                "model.matcher.max_instances=3",
                "model.matcher.candidates=24",
            ],
        ),
    ],
)
def test_guide_keywords_build_the_same_model_as_the_configs(
    composed, project_root, small_segmenter, name, cfg, words
):
    weights = project_root / "checkpoints" / "nano" / "dinov3_nano.safetensors"
    guides = MODELS[name](**keywords(encoder_ckpt_path=str(weights), **cfg))
    configs = instantiate(
        composed(
            f"model={name}",
            "encoder=dinov3_nano",
            "encoder.img_size=224",
            "segmenter=sam2_tiny",
            "segmenter.weights=random",
            "model.memory.max_classes=20",
            "model.memory.max_references=10",
            *words,
        ).model
    )
    assert type(guides) is type(configs)
    for part in ("proposals", "reference_memory", "matcher"):
        assert insides(getattr(guides, part)) == insides(getattr(configs, part))
    for part in ("encoder", "segmenter"):
        ours, theirs = getattr(guides, part), getattr(configs, part)
        assert (type(ours), ours.name, ours.fingerprint) == (type(theirs), theirs.name, theirs.fingerprint)
    assert (guides.encoder.img_size, guides.score_threshold) == (224, configs.score_threshold)

    image = references()[1].image
    found = []
    for model in (guides, configs):
        model.segmenter = small_segmenter
        found.append(model.fit(references(), ["red", "green"]).predict(image))
    assert len(found[0]) > 0
    for field in ("masks", "boxes", "scores", "labels"):
        assert torch.equal(*(getattr(instances, field) for instances in found))


@pytest.mark.parametrize("method", [AUTOMATIC, GRID], ids=lambda method: method.name)
def test_guide_defaults_equal_those_of_the_configs(composed, method):
    cfg = composed(f"model={method.name}", "segmenter=sam2_tiny")
    assert method.defaults == {name: OmegaConf.select(cfg, name) for name in method.defaults}


@pytest.mark.parametrize("name", SEGMENTERS)
def test_every_sam2_config_is_accepted_in_all_forms(composed, monkeypatch, name):
    built = []
    monkeypatch.setattr(
        "ntt.compat.guide.Sam2Segmenter", lambda *args, **options: built.append((args, options))
    )
    node = composed(f"segmenter={name}").segmenter
    file = node.config.rpartition("/")[2]
    for form in (file, file.removesuffix(".yaml"), node.config, f"configs/{node.config}"):
        Sam2MatchingBaseline(**keywords(sam2_cfg_file=form))
    assert built == 4 * [((name, node.config), {"image_size": node.image_size, "weights": "random"})]


@pytest.mark.parametrize(
    ("encoder_cfg", "size"),
    [({"name": "dinov3_nano"}, (16, 224)), ({"name": "dinov2_nano"}, (14, 224))],
)
def test_patch_size_and_image_size_have_defaults(encoder_cfg, size):
    model = Sam2MatchingBaselineNoAMG(**keywords(encoder_cfg=encoder_cfg))
    assert (model.encoder.patch_size, model.encoder.img_size) == size
    assert encoder_cfg == {"name": model.encoder.name}, "the caller's dictionary is not modified"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"encoder_cfg": {"name": "dinov3_Large"}},
            "encoder_cfg.name: Unknown DINOv3 model: dinov3_Large. Did you mean dinov3_large?",
        ),
        (
            {"encoder_cfg": {"name": "dinov2_small", "patch_size": 16}},
            "encoder_cfg.patch_size: 16, but dinov2_small has patches of 14 pixels",
        ),
        (
            {"sam2_cfg_file": "sam2_hiera_xl.yaml"},
            "sam2_cfg_file: Unknown SAM 2 model: sam2_hiera_xl.yaml. Did you mean sam2_hiera_l.yaml?",
        ),
        (
            {"memory_bank_cfg": {"enable": False}},
            "memory_bank_cfg.enable: False is not supported, only True",
        ),
        ({"encoder_ckpt_path": None}, "encoder_ckpt_path is missing"),
        (
            {"sam2_amg_cfg": {"points_per_sides": 8}},
            "sam2_amg_cfg.points_per_sides is unknown; did you mean sam2_amg_cfg.points_per_side?",
        ),
        ({"sam2_infer_cfgs": {}}, "sam2_infer_cfgs is unknown; remove it"),
    ],
)
def test_invalid_keywords_are_named(changes, line):
    with pytest.raises(InputError) as caught:
        Sam2MatchingBaseline(**keywords(**changes))
    assert str(caught.value) == f"matching_baseline: {line}"


def test_ignored_keywords_are_logged_once(caplog):
    infer = {"kmeans_k": 4, "n_pca_components": 3, "testing_point_bs": 256}
    Sam2MatchingBaselineNoAMG(**keywords(sam2_infer_cfgs=infer, online_vis=True))
    (warning,) = [r.getMessage() for r in caplog.records if "without a counterpart" in r.getMessage()]
    assert all(key in warning for key in (*infer, "online_vis"))


def test_memory_has_the_limits_of_the_guide():
    limits = {"enable": True, "category_num": 2, "length": 1}
    model = Sam2MatchingBaseline(**keywords(memory_bank_cfg=limits))
    with pytest.raises(InputError, match=r"3 classes.* limit of 2: .*category_num"):
        model.fit(references(), ["red", "green", "blue"])
    with pytest.raises(InputError, match=r"class 'green' exceeds .* 1 references.*length"):
        model.fit(references(), ["red", "green"])
    model.fit(references()[:2], ["red", "green"])
    assert isinstance(model.segmenter, Sam2Segmenter)
