"""Every command in README and docs is understood by what it calls; what it computes is not computed here.

Commands of Hydra are composed, jobs of sweeps one by one; command lines of other scripts are parsed by the
scripts themselves. A command of an unknown kind fails.
"""

import argparse
import re
import runpy
import subprocess
import tomllib

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf

from documents import blocks, commands
from ntt.compat.legacy_config import expand_arguments
from ntt.config.messages import require_values
from ntt.encoders.inspect import main as inspect

LEGACY = "legacy_config="
YES = "yes=true"  # prepare_dataset.py's own word


class ParsedError(Exception):
    """A script has read its command line."""


@pytest.fixture
def understand(workplace, project_root, monkeypatch):
    """Do with the words of a command what its program does first."""

    def composed(job, words):
        if any(word.startswith(LEGACY) for word in words):
            words, _ = expand_arguments(words)
        flags, unknown = get_args_parser().parse_known_args(list(words))
        assert not unknown, f"unknown flags: {unknown}"
        overrides = OverridesParser.create().parse_overrides(flags.overrides)
        sweeps = any(override.is_sweep_override() for override in overrides)
        brought = "experiment=encoder_sweep" in words  # which names its encoders itself
        assert (sweeps or brought) == flags.multirun, "several values want -m, and -m wants several values"
        for batch in BasicSweeper.split_arguments(overrides, None):
            for job_words in batch:
                check(job, job_words, flags)

    def check(job, words, flags):
        if "hydra/launcher=ray" in words:
            pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="the extra ray is not installed")
        with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
            more = ["paths.output=null"]
            if "experiment=FILE" in words:  # lies where the fixture put it, and not in conf
                more.append(f"hydra.searchpath=[file://{workplace}]")
            cfg = compose(job, [*words, *more])
        if flags.package:
            assert OmegaConf.select(cfg, flags.package) is not None, f"no such part: {flags.package}"
        if flags.help or flags.cfg or flags.info:
            return
        require_values(cfg)
        OmegaConf.resolve(cfg)
        for target in targets(cfg):
            assert callable(get_object(target))

    def parsed(script, words):
        def parse(parser, given=None, **_):
            found, rest = known(parser, given)
            assert not rest, f"unknown words: {rest}"
            raise ParsedError(found)

        known = argparse.ArgumentParser.parse_known_args
        with monkeypatch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_args", parse)
            patch.setattr("sys.argv", [str(script), *words])
            with pytest.raises(ParsedError) as said:
                runpy.run_path(str(script), run_name="__main__")
        overrides = getattr(said.value.args[0], "overrides", None)
        if overrides:
            composed("train", overrides)

    def script(name, *words):
        path = project_root / "scripts" / name
        assert path.is_file(), f"there is no {path}"
        READERS.get(name, parsed)(path, list(words))

    def make(*targets):
        subprocess.run(
            ["make", "--dry-run", *targets], cwd=project_root, check=True, capture_output=True, timeout=60
        )

    def install(action, *wanted):
        assert action == "install"
        project = tomllib.loads((project_root / "pyproject.toml").read_text())["project"]
        ours = f"no_time_to_train-{project['version']}-py3-none-any.whl"
        known = {
            ours,
            "setuptools",
            "wheel",
            *(f"{project['name']}[{extra}]" for extra in project["optional-dependencies"]),
        }
        known |= {re.match(r"[\w-]+", requirement)[0] for requirement in project["dependencies"]}
        named = {word.partition("==")[0] for word in wanted if word != "--no-build-isolation"}
        assert named <= known, f"unknown: {named - known}"

    def lists_and_words(_, words):
        assert "=" not in words[0], "a list comes first"
        composed("train", words[1:])

    def downloads(path, words):
        assert runpy.run_path(str(path))["plan"](words)

    def nothing(path, words):
        assert not words, "it takes no words"
        assert callable(runpy.run_path(str(path))["main"])

    def of_train(_, words):
        composed("train", [word for word in words if word != YES])

    READERS = {
        "convert_few_shot.py": lists_and_words,
        "download_checkpoints.py": downloads,
        "label_true_masks.py": of_train,
        "measure_encoder_options.py": nothing,
        "measure_matching.py": nothing,
        "measure_prompts.py": of_train,
        "measure_sweep.py": of_train,
        "prepare_dataset.py": of_train,
        "train_nano.py": lambda _, words: composed("train_nano", words),
    }
    PROGRAMS = {
        "make": make,
        "export": lambda setting: setting.index("="),
        "pip": install,
        "ntt-train": lambda *words: composed("train", list(words)),
        "ntt-predict": lambda *words: composed("predict", list(words)),
        "python train.py": lambda *words: composed("train", list(words)),
        "python predict.py": lambda *words: composed("predict", list(words)),
        "python -c": lambda code: exec(compile(code, "docs", "exec"), {}),
        "python -m": lambda module, *files: {"ntt.encoders.inspect": inspect}[module](list(files)),
    }

    def call(program, *words):
        if program == "python" and words[0].startswith("scripts/"):
            return script(words[0].removeprefix("scripts/"), *words[1:])
        if program == "python":
            program, *words = f"python {words[0]}", *words[1:]
        assert program in PROGRAMS, f"nothing here knows how to try {program}"
        return PROGRAMS[program](*words)

    return call


def targets(node):
    """Every ``_target_`` in a config."""
    if isinstance(node, DictConfig):
        found = [node["_target_"]] if "_target_" in node else []
        return found + [target for value in node.values() for target in targets(value)]
    return [target for value in node for target in targets(value)] if isinstance(node, ListConfig) else []


@pytest.mark.parametrize("command", commands(), ids=lambda command: f"{command.place} {command}"[:110])
def test_it_is_understood(understand, command):
    understand(*command.words)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("python train.py encoder=dinov4_large", "Could not find 'encoder/dinov4_large'"),
        ("python train.py datset.limit=1", "Could not override 'datset.limit'"),
        ("python train.py dataset=folder", "dataset.root has no value"),
        ("python train.py encoder=dinov2_nano,dinov3_nano", "several values want -m"),
        ("python train.py --cfg job --package encodr", "no such part: encodr"),
        ("python train.py --confg job", "unknown flags"),
        ("python train.py -m encoder=dinov2_nano,dinov9_nano", "Could not find 'encoder/dinov9_nano'"),
        ("python train.py encoder._target_=ntt.encoders.DINOv4", "Error loading 'ntt.encoders.DINOv4'"),
        ("python scripts/compare.py --basline runs/nano", "unknown words"),
        ("python scripts/benchmark.py --curve dataset.limits=3", "Could not override 'dataset.limits'"),
        ("python scripts/download_checkpoints.py encoder=dinov3_giant", "none were released"),
        ("python scripts/absent.py", "there is no"),
        ("make dmeo", "'dmeo'"),
        ("pip install no-time-to-train[tensorbord]", "unknown: "),
        ("pip install ntt[tensorboard]", "unknown: "),
        ("apt install ntt", "knows how to try apt"),
    ],
)
def test_what_would_fail_is_noticed(understand, words, reason):
    with pytest.raises(Exception, match=reason):
        understand(*words.split())


def test_commands_are_found_in_all_of_a_block():
    lines = [line for block in blocks("bash") for line in block.text.splitlines()]
    begun = {line.split("  ")[0].strip() for line in lines if line.startswith(("python train.py", "make "))}
    whole = {line for line in begun if not line.endswith("\\")}
    unquoted = {line.replace("'", "").replace('"', "") for line in whole}
    assert unquoted <= {" ".join(each.words) for each in commands()}
