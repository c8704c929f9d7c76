import json
import subprocess
import sys

import pytest
from filelock import FileLock

from forked import run_forked

PROGRAM = """
from pathlib import Path
from hydra.core.hydra_config import HydraConfig
from ntt.engine.command import run_command
from ntt.runs.run_directory import RunFolder
from ntt.runs.resume import command_of
from ntt.errors import InputError

def task(cfg):
    if cfg.bad:
        raise InputError(f"bad: {cfg.bad} is no input")
    if cfg.bug:
        raise ZeroDivisionError("a bug")
    folder = Path(HydraConfig.get().runtime.output_dir)
    with RunFolder(folder, str(cfg.bad), command_of([], "main"), resume=True) as run:
        print("done before" if run.finished else "done")
        run.finish({})

run_command(task, Path(__file__).parent, "main", resumes=True)
"""
BROKEN = """
from hydra._internal.core_plugins.basic_launcher import BasicLauncher

class Broken(BasicLauncher):
    def launch(self, *arguments, **named):
        super().launch(*arguments, **named)
        raise ConnectionError("the cluster is gone")
"""
CONFIG = """
bad: null
bug: false
ntt: {debug: false}
paths: {runs: runs}
hydra:
  run: {dir: runs/day/run}
  sweep: {dir: runs/day/sweep, subdir: "${hydra:job.num}"}
  output_subdir: .
  job_logging: {root: {handlers: [console]}}
  callbacks: {folder: {_target_: ntt.runs.sweep.SweepFolder}}
"""


@pytest.fixture
def command(tmp_path):
    (tmp_path / "main.yaml").write_text(CONFIG)
    (tmp_path / "program.py").write_text(PROGRAM)

    def call(*words):
        return run_forked(["program.py", *words], cwd=tmp_path, timeout=60)

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


def test_failed_jobs_let_the_rest_of_a_sweep_run_and_are_told_at_the_end(command, tmp_path):
    result = command("-m", "bad=null,8,9", "bug=false,true")
    assert result.returncode == 1
    assert result.stdout.count("done") == 1
    reasons = [line for line in result.stderr.splitlines() if " failed: " in line]
    assert reasons == [
        "1 failed: ZeroDivisionError: a bug",
        *(f"{job} failed: bad: {bad} is no input" for job, bad in ((2, 8), (3, 8), (4, 9), (5, 9))),
    ]
    assert json.loads((tmp_path / "runs/day/sweep/1/failure.json").read_text()) == {
        "reason": "ZeroDivisionError: a bug"
    }
    assert "in task" in result.stdout, "the log has the traceback of a bug"


def test_the_same_sweep_does_what_is_left(command, tmp_path):
    assert command("-m", "bad=1,null").returncode == 1
    (tmp_path / "runs/day/sweep").rename(tmp_path / "runs/day/earlier")
    result = command("-m", "bad=1,null", "hydra.sweep.subdir='${hydra:job.num}'")
    assert (result.returncode, result.stdout.count("done before")) == (1, 1)
    assert not (tmp_path / "runs/day/sweep").exists()


def test_a_complete_sweep_is_a_new_one_when_typed_again(command, tmp_path):
    for _ in range(2):
        assert command("-m", "bad=null").stdout.count("done\n") == 1
        (tmp_path / "runs/day/sweep").rename(
            tmp_path / "runs/day" / str(len(list(tmp_path.glob("runs/day/*"))))
        )
    assert len(list(tmp_path.glob("runs/day/*"))) == 2


def test_another_sweep_and_one_that_must_not_resume_have_their_own_folder(command, tmp_path):
    command("-m", "bad=null")
    (tmp_path / "runs/day/sweep").rename(tmp_path / "runs/day/earlier")
    assert command("-m", "bad=null,null").stdout.count("done\n") == 2
    (tmp_path / "runs/day/sweep").rename(tmp_path / "runs/day/second")
    assert command("-m", "bad=null", "+resume=false").stdout.count("done\n") == 1


def test_a_launcher_that_gives_up_is_one_line_and_the_jobs_so_far_are_told(command, tmp_path):
    (tmp_path / "hydra" / "launcher").mkdir(parents=True)
    (tmp_path / "hydra" / "launcher" / "broken.yaml").write_text("_target_: hydra_plugins.broken.Broken\n")
    (tmp_path / "hydra_plugins").mkdir()
    (tmp_path / "hydra_plugins" / "broken.py").write_text(BROKEN)
    result = command("-m", "bad=8", "hydra/launcher=broken")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-2:] == [
        "Sweep interrupted by ConnectionError: the cluster is gone",
        "0 failed: bad: 8 is no input",
    ]


def test_two_sweeps_do_not_work_in_one_folder(command, tmp_path):
    folder = tmp_path / "runs" / "day" / "sweep"
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        result = command("-m", "bad=null")
    assert result.returncode == 2
    assert result.stderr.endswith("is in use by another sweep; wait or choose another output directory\n")


def test_help_does_not_wait_for_torch():
    code = "import sys, ntt.commands.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
