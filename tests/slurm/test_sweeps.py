"""Sweeps whose jobs a real Slurm runs; ``make test-slurm`` starts one."""

import json
import os
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        "NTT_TEST_SLURM" not in os.environ, reason="no Slurm to try: make test-slurm starts one"
    ),
]
WORDS = [
    "hydra/launcher=slurm",
    "hydra.launcher.gpus_per_node=null",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.mem_gb=1",
    "hydra.launcher.timeout_min=10",
    "trainer=cpu",
    "callbacks=predictions",
    "dataset.limit=1",
    "model.proposals.max_prompts=16",
]


@pytest.fixture
def sweep(project_root, miniature, miniature_overrides):
    """Call ``train.py -m`` with every job sent to Slurm; gives the process and the sweep's folder."""

    def call(*words):
        folder = miniature / "sweep"
        asked = [*miniature_overrides, *WORDS, f"hydra.sweep.dir={folder}", *words]
        result = subprocess.run(
            [sys.executable, str(project_root / "train.py"), "-m", *asked],
            cwd=miniature,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return result, folder

    return call


def logs(folder):
    """What each job printed, in the order of the jobs."""
    return [path.read_text() for path in sorted(folder.glob(".submitit/*_*/*_log.out"))]


def test_jobs_run_under_slurm_and_are_compared(sweep):
    result, folder = sweep("encoder=dinov2_nano,dinov3_nano")
    assert result.returncode == 0, result.stderr
    for number, job in enumerate(("0_dinov2_nano", "1_dinov3_nano")):
        assert json.loads((folder / job / "metrics.json").read_text())["timing"]["images"] == 1
        slurm_id = OmegaConf.load(folder / job / "hydra.yaml").hydra.job.id
        assert slurm_id.endswith(f"_{number}")
        assert f"job_id={slurm_id}" in logs(folder)[number]
    table = result.stdout[result.stdout.index("Comparison") :]
    assert table.index("encoder=dinov2_nano") < table.index("encoder=dinov3_nano")
    assert "failed" not in table


def test_a_broken_member_fails_alone(sweep):
    result, folder = sweep("encoder.weights=random,absent.pth")
    assert result.returncode == 1, result.stderr
    assert (folder / "0_dinov3_nano" / "metrics.json").is_file()
    reason = json.loads((folder / "1_dinov3_nano" / "failure.json").read_text())["reason"]
    assert "absent.pth" in reason
    assert f"1_dinov3_nano failed: {reason}" in result.stderr.splitlines()
    assert f"This job failed: {reason}" in logs(folder)[1]
    assert "Traceback" not in result.stderr + logs(folder)[1]
    assert "failed" in result.stdout
