"""Several processes share the images of a run, over gloo on a CPU."""

import json

WORDS = ("trainer=ddp", "trainer.accelerator=cpu", "task=semantic", "callbacks.visualizations.images=3")


def test_any_number_of_processes_give_the_same(train, miniature):
    """Three images: one process has two of two; of four processes one has nothing to do."""
    folders = {}
    for devices in (1, 2, 4):
        folder = miniature / f"devices{devices}"
        result = train(*WORDS, f"trainer.devices={devices}", f"hydra.run.dir={folder}")
        assert result.returncode == 0, result.stdout + result.stderr
        folders[devices] = folder
    metrics = {
        devices: json.loads((folder / "metrics.json").read_text()) for devices, folder in folders.items()
    }
    for devices in (2, 4):
        for name in ("predictions.json", "memory.safetensors"):
            assert (folders[devices] / name).read_bytes() == (folders[1] / name).read_bytes()
        pictures = [
            {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.png")}
            for folder in (folders[1], folders[devices])
        ]
        assert pictures[0] == pictures[1]
        for content in (metrics[1], metrics[devices]):
            content.pop("timing", None)
            content.pop("peak_memory", None)
        assert metrics[devices] == metrics[1]


DYING = """
from lightning import Callback

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
