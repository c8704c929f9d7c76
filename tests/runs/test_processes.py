import os
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from ntt.runs.processes import GpuAssignment, visible_devices

# Waits for a line before it ends, so that several are alive at once.
PROCESS = """
import os, sys
from omegaconf import OmegaConf
from ntt.runs.processes import GpuAssignment

callback = GpuAssignment()
callback.devices = sys.argv[2].split()
for job in range(2):  # one process does several jobs
    callback.on_job_start(OmegaConf.create({"hydra": {"sweep": {"dir": sys.argv[1]}}}))
    print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def start(tmp_path):
    """Start a process of a sweep; gives it and the GPU that it saw in each of two jobs."""
    started = []

    def call(devices="5 7"):
        process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path), devices],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"},
        )
        started.append(process)
        return process, [process.stdout.readline().strip() for _ in range(2)]

    yield call
    for process in started:
        process.kill()
        process.communicate()


def test_each_process_keeps_a_gpu_of_its_own(start):
    (first, seen_by_first), (_, seen_by_second), (_, seen_by_third) = start(), start(), start()
    assert (seen_by_first, seen_by_second) == (["5", "5"], ["7", "7"])
    assert seen_by_third == ["5", "5"], "more processes than GPUs share them"
    first.kill()
    first.wait()
    assert start()[1] == ["5", "5"], "a process that died gives its place to the one that replaces it"


def test_without_a_gpu_nothing_is_set(start):
    assert start(devices="")[1] == ["None", "None"]


@pytest.mark.parametrize(("value", "devices"), [("2,GPU-8f", ["2", "GPU-8f"]), ("", [])])
def test_only_what_the_environment_leaves_is_handed_out(monkeypatch, value, devices):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert visible_devices() == devices
    callback = GpuAssignment()
    callback.on_multirun_start(OmegaConf.create())
    assert callback.devices == devices
