import sys

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationKeyError
from pytorch_lightning import Callback

from ntt.config.messages import describe, require_pytorch_lightning, require_values
from ntt.errors import InputError


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("encoder=dinov3_Large", "Unknown DINOv3 model: dinov3_Large. Did you mean dinov3_large?"),
        ("encoder=DINOv2_small", "Unknown DINOv2 model: DINOv2_small. Did you mean dinov2_small?"),
        ("segmenter=sam2_tinny", "Unknown segmenter: sam2_tinny. Did you mean sam2_tiny?"),
        ("trainer=gpus", "Unknown trainer: gpus. Did you mean gpu?"),
        ("encoder.img_sise=224", "Unknown key: encoder.img_sise. Did you mean encoder.img_size?"),
        ("sead=1", "Unknown key: sead. Did you mean seed?"),
        ("encoder=a=b", "Cannot parse the override 'encoder=a=b': write group=option or path.to.key=value"),
    ],
)
def test_names_what_was_meant(project_root, override, line):
    with (
        initialize_config_dir(str(project_root / "conf"), version_base="1.3"),
        pytest.raises(HydraException) as caught,
    ):
        compose("train", overrides=[override])
    assert describe(caught.value) == line


@pytest.mark.parametrize(
    "override", ["callbacks=[progress,ceilings]", "~callbacks.ceilings", "callbacks.ceilings.evaluation=null"]
)
def test_describe_a_renamed_key_names_the_new_one(project_root, override):
    with (
        initialize_config_dir(str(project_root / "conf"), version_base="1.3"),
        pytest.raises(HydraException) as caught,
    ):
        compose("train", overrides=[override])
    assert describe(caught.value) == "callbacks.ceilings is now callbacks.oracle; use the new name"


def test_require_values_of_a_config_with_a_renamed_key_names_the_new_one():
    with pytest.raises(InputError, match=r"^callbacks\.ceilings is now callbacks\.oracle"):
        require_values(OmegaConf.create({"callbacks": {"ceilings": {"evaluation": None}}}))


def test_lists_the_options_when_none_is_near(project_root):
    with (
        initialize_config_dir(str(project_root / "conf"), version_base="1.3"),
        pytest.raises(HydraException) as caught,
    ):
        compose("train", overrides=["trainer=qqq"])
    assert describe(caught.value) == "Unknown trainer: qqq. Known: cpu, ddp, default, gpu."


@pytest.mark.parametrize(
    ("launcher", "absent", "extra"),
    [("slurm", "submitit_slurm", "cluster"), ("local_parallel", "joblib", "cluster"), ("ray", "ray", "ray")],
)
def test_names_the_package_that_a_launcher_lacks(project_root, monkeypatch, launcher, absent, extra):
    Plugins.instance()  # registers the launchers that are installed
    launchers = ConfigStore.instance().repo["hydra"]["launcher"]
    monkeypatch.delitem(launchers, f"{absent}.yaml", raising=False)
    with (
        initialize_config_dir(str(project_root / "conf"), version_base="1.3"),
        pytest.raises(HydraException) as caught,
    ):
        compose("train", overrides=[f"hydra/launcher={launcher}"], return_hydra_config=True)
    assert describe(caught.value) == (
        f"hydra/launcher/{absent} needs a package that is not installed: "
        f"pip install 'no-time-to-train[{extra}]'"
    )


def refuse(path):
    raise InputError(f"{path}: no weights (encoder.weights)")


def test_unwraps_what_instantiate_wrapped():
    cfg = OmegaConf.create({"outer": {"_target_": "builtins.dict", "inner": None}})
    cfg.outer.inner = {"_target_": f"{__name__}.refuse", "path": "a.pth"}
    with pytest.raises(HydraException) as caught:
        instantiate(cfg.outer)
    assert describe(caught.value) == "a.pth: no weights (encoder.weights)"


def test_says_where_an_argument_does_not_fit():
    cfg = OmegaConf.create({"encoder": {"_target_": f"{__name__}.refuse", "pth": 1}})
    with pytest.raises(HydraException) as caught:
        instantiate(cfg.encoder)
    line = describe(caught.value)
    assert line.startswith("encoder: ")
    assert "unexpected keyword argument 'pth'" in line


def test_an_absent_lightning_names_the_package_that_is_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning", None)
    monkeypatch.setitem(sys.modules, "no_such_package", None)
    for target, named in (("lightning.Trainer", True), ("no_such_package.Trainer", False)):
        cfg = OmegaConf.create({"trainer": {"_target_": target}})
        with pytest.raises(HydraException) as caught:
            instantiate(cfg.trainer)
        line = describe(caught.value)
        assert line.startswith("trainer: ")
        assert line.endswith("; use pytorch_lightning in place of lightning") == named


def test_objects_of_lightning_are_refused_and_those_of_pytorch_lightning_are_not():
    other = type("Callback", (), {"__module__": "lightning.pytorch.callbacks"})
    own = type("Mine", (other,), {"__module__": "mine"})
    use = "; use pytorch_lightning in place of lightning$"
    with pytest.raises(InputError, match=rf"^callbacks\.a: lightning\.pytorch\.callbacks\.Callback{use}"):
        require_pytorch_lightning("callbacks.a", other())
    line = rf"^callbacks\.b: mine\.Mine inherits from lightning\.pytorch\.callbacks\.Callback{use}"
    with pytest.raises(InputError, match=line):
        require_pytorch_lightning("callbacks.b", own())
    require_pytorch_lightning("callbacks.c", type("Mine", (Callback,), {"__module__": "lightning_of_mine"})())


def test_asks_for_every_value_that_is_left_open():
    cfg = OmegaConf.create({"dataset": {"file": "???", "limit": None}, "seed": "???"})
    with pytest.raises(InputError, match=r"^dataset\.file has no value: add dataset\.file=<value>; seed has"):
        require_values(cfg)


def test_says_what_a_table_has_in_place_of_a_choice_that_it_has_not():
    tables = {"tables": {"red": {"depth": 1}, "blue": {"depth": 2}}, "colour": "rde"}
    cfg = OmegaConf.create({**tables, "depth": "${tables.${colour}.depth}", "height": "${tables.red.height}"})
    with pytest.raises(InterpolationKeyError) as caught:
        _ = cfg.depth
    assert describe(caught.value) == "Unknown tables: rde. Did you mean red?"
    with pytest.raises(InterpolationKeyError) as caught:
        _ = cfg.height
    assert describe(caught.value) == "Unknown tables.red: height. Known: depth."


def test_several_problems_have_a_line_each_up_to_ten():
    assert describe(InputError("a\nb")) == "a\nb"
    lines = describe(InputError("\n".join(map(str, range(13))))).splitlines()
    assert lines == [*map(str, range(10)), "... and 3 more"]


def test_says_only_the_first_line_of_a_long_message():
    assert describe(RuntimeError("first\nsecond")) == "first"
    assert describe(RuntimeError()) == "RuntimeError"
