"""Sweeps whose jobs run in other processes; tests/slurm has those of Slurm."""

import json
import re

import pytest

BROKEN = ["encoder.weights=random,absent.pth", "dataset.limit=1", "callbacks=predictions"]


@pytest.fixture
def check(run_dir):
    """The first job was done, the second failed, and all of that is said."""

    def call(result):
        assert result.returncode == 1, result.stderr
        first, second = (run_dir() / f"{number}_dinov3_nano" for number in range(2))
        assert json.loads((first / "metrics.json").read_text())["timing"]["images"] == 1
        reason = json.loads((second / "failure.json").read_text())["reason"]
        assert f"1_dinov3_nano failed: {reason}" in result.stderr.splitlines()
        assert "absent.pth" in reason
        assert "Traceback" not in result.stderr
        assert "Comparison" in result.stdout
        return first, second

    return call


def test_jobs_on_one_machine_each_have_a_gpu(train, check, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    jobs = check(train(*BROKEN, "hydra/launcher=local_parallel", flags=["-m"], forked=False))
    shown = [re.search(r"GPU of this job: (\d)", (job / "train.log").read_text())[1] for job in jobs]
    assert sorted(shown) == ["5", "7"]


def test_jobs_run_by_ray(train, check, monkeypatch):
    pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="pip install 'no-time-to-train[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # leaves no key in the home folder
    check(train(*BROKEN, "hydra/launcher=ray", flags=["-m"], forked=False))
