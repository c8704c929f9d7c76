import subprocess
import sys

import pytest

PROGRAM = """
from pathlib import Path
from ntt.engine.command import run_command
from ntt.errors import InputError

def task(cfg):
    if cfg.bad:
        raise InputError(f"bad: {cfg.bad} is no input")
    if cfg.bug:
        raise ZeroDivisionError("a bug")
    print("done")

run_command(task, Path(__file__).parent, "main")
"""
CONFIG = """
bad: null
bug: false
ntt: {debug: false}
hydra: {run: {dir: runs}, sweep: {dir: runs}, output_subdir: null, job_logging: {root: {handlers: [console]}}}
"""


@pytest.fixture
def command(tmp_path):
    (tmp_path / "main.yaml").write_text(CONFIG)
    (tmp_path / "program.py").write_text(PROGRAM)

    def call(*words):
        return subprocess.run(
            [sys.executable, "program.py", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

    return call


def test_runs_the_task(command):
    result = command()
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


def test_bad_input_is_one_line_and_code_2(command):
    result = command("bad=7")
    assert (result.returncode, result.stderr) == (2, "bad: 7 is no input\n")


def test_a_misspelt_key_is_one_line_and_code_2(command):
    result = command("bda=7")
    assert (result.returncode, result.stderr) == (2, "Unknown key: bda. Did you mean bad?\n")


def test_an_absent_legacy_config_is_one_line_and_code_2(command):
    result = command("legacy_config=absent.yaml")
    assert (result.returncode, result.stderr) == (2, "absent.yaml: no such file; correct the path\n")


def test_debug_shows_the_traceback(command):
    result = command("bad=7", "ntt.debug=true")
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "InputError: bad: 7 is no input" in result.stderr


def test_a_bug_shows_its_traceback_always(command):
    result = command("bug=true")
    assert result.returncode == 1
    assert "ZeroDivisionError: a bug" in result.stderr
    assert "in task" in result.stderr


def test_a_failed_job_lets_the_rest_of_a_sweep_run(command):
    result = command("-m", "bad=null,8,null")
    assert result.returncode == 2
    assert result.stdout.count("done") == 2
    assert result.stderr == "bad: 8 is no input\n"
