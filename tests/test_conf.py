"""Every file in conf/ composes and builds what it names; a new file is tested without touching this one."""

import re
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.plugins import Plugins
from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

CONF = Path(__file__).resolve().parent.parent / "conf"
GROUPS = {
    path.name: sorted(file.stem for file in path.glob("*.yaml")) for path in CONF.iterdir() if path.is_dir()
}
NETWORKS = ("encoder", "segmenter", "model")
PARTS = ("callbacks", "logger")
SPECIAL = (
    "task",
    "scorer",
    "confidence",
    "dataset",
    "evaluation",
    "trainer",
    "cache",
    "tracking",
    "refine",
    "experiment",
    "paths",
    "hydra",
    "nano",
    "download",
)


def options(*groups):
    return [(group, option) for group in groups for option in GROUPS[group]]


def composed(tmp_path, *overrides, job="train"):
    """A job's config, with values that are left to the user filled by a path."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(job, [f"paths.output={tmp_path}", *overrides])
    for key in OmegaConf.missing_keys(cfg):
        OmegaConf.update(cfg, key, str(tmp_path))
    return cfg


def untrained(node):
    """The node with random weights wherever it would read some; what reads none is left as it is."""
    for key, value in node.items():
        if key == "weights":
            node[key] = "random"
        elif isinstance(value, DictConfig):
            untrained(value)
    return node


def test_every_group_is_tested():
    assert set(GROUPS) == {*NETWORKS, *PARTS, *SPECIAL}
    assert all(GROUPS.values())


def test_every_option_begins_with_a_comment():
    """The comment that tells a reader what the option is, since no page lists the options."""
    for file in CONF.rglob("*.yaml"):
        lines = [line for line in file.read_text().splitlines() if not line.startswith("# @package")]
        assert re.match(r"# \w", lines[0]), f"{file}: begin it with a comment that says what it is"


@pytest.mark.parametrize(("group", "option"), options(*NETWORKS))
def test_networks_build(tmp_path, group, option):
    cfg = untrained(composed(tmp_path, f"{group}={option}"))
    # On the meta device: the shapes of billions of parameters, without their memory.
    with torch.device("meta"):
        network = instantiate(cfg[group])
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert parameters == 0 if option == "none" else parameters > 1e5


@pytest.mark.parametrize("option", GROUPS["callbacks"])
def test_callbacks_build(tmp_path, option):
    cfg = composed(tmp_path, f"callbacks={option}")
    for part in cfg.callbacks.values():
        assert type(instantiate(part)).__name__ == part._target_.rpartition(".")[2]


@pytest.mark.parametrize("options", [*GROUPS["logger"], "[csv,tensorboard,wandb_offline]"])
def test_loggers_build(tmp_path, options):
    cfg = composed(tmp_path, f"logger={options}")
    if "wandb" in cfg.logger:
        cfg.logger.wandb.mode = "offline"  # else a key is needed
    for part in [*(cfg.logger or {}).values(), *cfg.callbacks.values()]:
        assert type(instantiate(part)).__name__ == part._target_.rpartition(".")[2]
    assert len(cfg.logger or {}) == len([each for each in options.split(",") if each != "none"])


@pytest.mark.parametrize("option", GROUPS["task"])
@pytest.mark.parametrize("words", [[], ["callbacks=predictions"], ["~callbacks.visualizations"]])
def test_tasks_build_and_keep_the_callbacks_that_were_chosen(tmp_path, option, words):
    chosen = composed(tmp_path, "task=instance", *words).callbacks
    callbacks = composed(tmp_path, f"task={option}", *words).callbacks
    assert {name: callbacks[name] for name in chosen} == chosen
    for part in callbacks.values():
        assert type(instantiate(part)).__name__ == part._target_.rpartition(".")[2]


@pytest.mark.parametrize(
    ("word", "images"),
    [
        ("callbacks.visualizations.images=2", 2),
        ("~callbacks.visualizations", 0),
        ("callbacks=predictions", 0),
    ],
)
def test_semantic_maps_are_drawn_as_often_as_other_pictures(tmp_path, word, images):
    assert composed(tmp_path, "task=semantic", word).callbacks.semantic.images == images


@pytest.mark.parametrize(
    ("words", "threshold"),
    [
        (["dataset=custom"], 0.5),
        (["dataset=emoji"], 0.08),
        (["dataset=emoji", "task.score_threshold=0.2"], 0.2),
    ],
)
def test_a_dataset_may_have_its_own_score_threshold(tmp_path, words, threshold):
    assert composed(tmp_path, "task=semantic", *words).callbacks.semantic.score_threshold == threshold


@pytest.mark.parametrize("words", [[], ["model=matching_baseline", "scorer=optimal_transport"]])
def test_predict_and_the_page_have_the_model_of_train(tmp_path, words):
    photographs = ["encoder=efficientnet_lite0", "segmenter=sam2_lite", "model=photographs", "refine=grabcut"]
    jobs = {"predict": words, "app": words, "train": ["dataset=folder", *photographs, *words]}
    if words:
        jobs["train"] = ["dataset=folder", *photographs[:2], photographs[3], *words]
    models = [
        OmegaConf.to_container(composed(tmp_path, *more, "score_threshold=0.1", job=job).model, resolve=True)
        for job, more in jobs.items()
    ]
    assert models[0] == models[1] == models[2]


def test_predict_calibrates_and_the_page_has_a_slider(tmp_path):
    assert composed(tmp_path, job="predict").score_threshold == "auto"
    assert composed(tmp_path, job="app").score_threshold == 0.0


def test_the_limits_and_samples_of_the_page(tmp_path):
    cfg = composed(tmp_path, job="app")
    assert instantiate(cfg.limits).images > 0
    assert all(Path(path).is_file() for path in (*cfg.samples.examples, *cfg.samples.scenes))
    assert {*cfg.compare} < {*GROUPS["encoder"]}
    assert cfg.host == "127.0.0.1"


@pytest.mark.parametrize("option", GROUPS["confidence"])
def test_confidences_build_and_reach_the_matcher(tmp_path, option):
    cfg = composed(tmp_path, f"confidence={option}")
    assert callable(instantiate(cfg.confidence))
    assert cfg.model.matcher.confidence == cfg.confidence


@pytest.mark.parametrize("option", GROUPS["scorer"])
def test_scorers_build_and_reach_the_matcher_of_every_model(tmp_path, option):
    for model in GROUPS["model"]:
        cfg = composed(tmp_path, f"scorer={option}", f"model={model}")
        assert callable(instantiate(cfg.scorer))
        assert cfg.model.matcher.scorer.scorer == cfg.scorer


@pytest.mark.parametrize(
    ("option", "segmenter", "kind"),
    [
        ("overlap", "sam2.1_tiny", "OverlapTracker"),
        ("sam2", "sam2.1_tiny", "Sam2Tracker"),
        ("auto", "sam2.1_tiny", "Sam2Tracker"),
        ("auto", "sam2_nano", "OverlapTracker"),
    ],
)
def test_trackings_build(tmp_path, option, segmenter, kind):
    assert set(GROUPS["tracking"]) == {"overlap", "sam2", "auto"}
    cfg = untrained(composed(tmp_path, f"tracking={option}", f"segmenter={segmenter}", job="predict"))
    with torch.device("meta"):
        model = instantiate(cfg.model)
    assert type(instantiate(cfg.tracking)(model)).__name__ == kind


@pytest.mark.parametrize("option", GROUPS["refine"])
def test_refiners_build(tmp_path, option):
    refiner = instantiate(composed(tmp_path, f"refine={option}").refine)
    assert refiner.needs_segmenter == (option == "segmenter")
    assert hasattr(refiner, "clean_up")


@pytest.mark.parametrize("option", GROUPS["evaluation"])
def test_evaluations_build_and_reach_the_callbacks(tmp_path, option):
    cfg = composed(tmp_path, f"evaluation={option}")
    for callback in (cfg.callbacks.predictions, cfg.callbacks.oracle):
        assert type(instantiate(callback).evaluation) is get_class(cfg.evaluation._target_)


@pytest.mark.parametrize("option", GROUPS["dataset"])
def test_datasets_build(tmp_path, option):
    node = composed(tmp_path, f"dataset={option}").dataset
    assert callable(instantiate(node).check)


@pytest.mark.parametrize("option", GROUPS["download"])
def test_needs_of_datasets_build(tmp_path, option):
    cfg = composed(tmp_path, f"dataset={option}", f"+download={option}", f"paths.data={tmp_path}")
    downloads = instantiate(cfg.download)
    assert all(download.missing() for download in downloads.values())


@pytest.mark.parametrize("option", GROUPS["trainer"])
def test_trainers_build(tmp_path, option):
    cfg = composed(tmp_path, f"trainer={option}")
    if cfg.trainer.accelerator == "gpu" and not torch.cuda.is_available():
        with pytest.raises(InstantiationException, match="No supported gpu backend"):
            instantiate(cfg.trainer)
        cfg.trainer.accelerator = "cpu"
    assert instantiate(cfg.trainer).default_root_dir == str(tmp_path)


@pytest.mark.parametrize("option", GROUPS["experiment"])
def test_experiments_build(tmp_path, option):
    cfg = untrained(composed(tmp_path, f"experiment={option}"))
    OmegaConf.resolve(cfg)
    with torch.device("meta"):
        instantiate(cfg.model)


@pytest.mark.parametrize("option", GROUPS["nano"])
def test_nano_trainings_build(tmp_path, option):
    node = untrained(composed(tmp_path, f"nano={option}", job="train_nano")).nano
    assert callable(get_class(node._target_))
    with torch.device("meta"):
        networks = [
            instantiate(part) for part in node.values() if isinstance(part, DictConfig) and "_target_" in part
        ]
    assert networks


@pytest.mark.parametrize("option", GROUPS["paths"])
def test_paths_resolve(tmp_path, option):
    paths = composed(tmp_path, f"paths={option}").paths
    assert Path(paths.root) == CONF.parent
    assert Path(paths.data).parent == CONF.parent


@pytest.mark.parametrize("option", GROUPS["hydra"])
def test_hydra_settings_build(option):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", [f"hydra={option}"], return_hydra_config=True)
    assert cfg.hydra.job.name == {"default": "train"}.get(option, option)
    for callback in cfg.hydra.callbacks.values():
        assert instantiate(callback) is not None


LAUNCHERS = {"slurm": "SlurmLauncher", "local_parallel": "JoblibLauncher"}


def test_launchers_are_all_tested():
    assert set(LAUNCHERS) == {file.stem for file in (CONF / "hydra" / "launcher").glob("*.yaml")}


@pytest.mark.parametrize(("option", "launcher"), LAUNCHERS.items())
def test_launchers_build(tmp_path, option, launcher):
    pytest.importorskip("hydra_plugins", reason="pip install 'no-time-to-train[cluster]'")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        words = [f"paths.output={tmp_path}", f"hydra/launcher={option}"]
        hydra = compose("train", words, return_hydra_config=True).hydra
    assert type(Plugins.instance()._instantiate(hydra.launcher)).__name__ == launcher
    assert {"folder", "comparison"} <= set(hydra.callbacks), "a launcher keeps what ends a sweep"
    for callback in hydra.callbacks.values():
        assert instantiate(callback) is not None


def test_a_launcher_of_slurm_asks_for_what_the_command_line_says(tmp_path):
    words = ["partition=a100", "timeout_min=30", "gpus_per_node=null", "+additional_parameters.mail-type=END"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(
            "train",
            [f"paths.output={tmp_path}", "hydra/launcher=slurm"]
            + [f"{'+' * word.startswith('+')}hydra.launcher.{word.lstrip('+')}" for word in words],
            return_hydra_config=True,
        )
    params = Plugins.instance()._instantiate(cfg.hydra.launcher).params
    assert (params["partition"], params["timeout_min"], params["gpus_per_node"]) == ("a100", 30, None)
    assert params["additional_parameters"] == {"requeue": True, "mail-type": "END"}
    assert params["setup"][1] == f"export PROJECT_ROOT='{CONF.parent}' NTT_EMBEDDED='{CONF.parent}'"


def test_the_sweep_of_encoders_is_dinov3_beside_dinov2():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", ["experiment=encoder_sweep"], return_hydra_config=True)
    sizes = ("small", "base", "large", "giant")
    encoders = cfg.hydra.sweeper.params.encoder.replace(" ", "").split(",")
    assert encoders == [f"{family}_{size}" for family in ("dinov3", "dinov2") for size in sizes]
    assert set(encoders) <= set(GROUPS["encoder"])
