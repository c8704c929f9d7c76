"""Several processes share the images of a run, over gloo on a CPU."""

import json

# The images are few, so that one process has more than the other, or nothing.
WORDS = ("trainer=ddp", "trainer.accelerator=cpu", "task=semantic", "callbacks.visualizations.images=3")


def finished(train, folder, devices, *words):
    result = train(*WORDS, f"trainer.devices={devices}", f"hydra.run.dir={folder}", *words)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def results(folder):
    """Everything that must not depend on the number of processes."""
    metrics = json.loads((folder / "metrics.json").read_text())
    files = [folder / "predictions.json", folder / "memory.safetensors", *folder.rglob("*.png")]
    rest = {key: value for key, value in metrics.items() if key not in ("timing", "peak_memory")}
    return rest, {file.relative_to(folder): file.read_bytes() for file in files}


def test_two_processes_give_what_one_gives_and_one_of_them_may_have_nothing_to_do(train, miniature):
    whole = finished(train, miniature / "whole", 1)
    assert results(finished(train, miniature / "shared", 2)) == results(whole)
    alone = finished(train, miniature / "alone", 2, "dataset.limit=1")
    first = json.loads((alone / "predictions.json").read_text())
    assert first
    assert first == json.loads((whole / "predictions.json").read_text())[: len(first)]


def test_a_job_of_a_sweep_starts_no_processes(train, miniature):
    result = train(*WORDS[:2], "trainer.devices=2", "seed=0", flags=("-m",))
    assert result.returncode == 1
    assert "trainer.devices: a sweep job cannot start 2 processes; use one device" in result.stderr
    assert not list((miniature / "runs").rglob("metrics.json"))


DYING = """
from pytorch_lightning import Callback

class Dying(Callback):
    def on_test_batch_start(self, trainer, *_):
        if trainer.global_rank == 1:
            raise MemoryError("process 1 has no memory left")
"""


def test_a_process_that_dies_ends_the_run_with_its_reason(train, miniature, monkeypatch):
    (miniature / "dying.py").write_text(DYING)
    monkeypatch.setenv("PYTHONPATH", str(miniature))
    result = train(*WORDS[:2], "trainer.devices=2", "+callbacks.dying._target_=dying.Dying")
    assert result.returncode != 0
    assert "process 1 has no memory left" in result.stdout + result.stderr
