import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from nano import training_run
from nano.training_run import TrainingRun


def make_run(folder, model, minutes, **options):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)

    def step(rng):
        inputs = torch.from_numpy(rng.normal(size=(4, 3))).float()
        return {"loss": (model(inputs) - inputs.sum(1, keepdim=True)).square().mean()}

    return TrainingRun({"model": model}, [optimizer], step, folder, minutes=minutes, seed=0, **options)


def test_run_trains_logs_and_resumes(tmp_path, monkeypatch):
    # Every clock reading advances by one second, so the minutes determine the number of steps.
    ticks = iter(range(10_000))
    monkeypatch.setattr(training_run.time, "monotonic", lambda: float(next(ticks)))
    model = nn.Linear(3, 1)
    first = make_run(tmp_path, model, minutes=1)
    saved = []
    first.run(save=lambda: saved.append(True))
    assert saved
    assert first.steps == 60
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + 3

    # Simulate a crash after logging steps that are not in the checkpoint.
    with (tmp_path / "log.csv").open("a") as log:
        log.write("80,1.30,9.9\n")
    fresh = nn.Linear(3, 1)
    second = make_run(tmp_path, fresh, minutes=2)
    second.run(save=lambda: None)
    assert second.steps == 120
    lines = (tmp_path / "log.csv").read_text().splitlines()[1:]
    assert [int(line.split(",")[0]) for line in lines] == [20, 40, 60, 80, 100, 120]
    assert not any("9.9" in line.split(",")[2:] for line in lines)
    assert torch.allclose(fresh.weight, torch.ones(1, 3), atol=0.2)


def test_log_averages_only_steps_since_the_resume(tmp_path, monkeypatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr(training_run.time, "monotonic", lambda: float(next(ticks)))
    parts = (
        TrainingRun(
            {"model": model},
            [torch.optim.SGD(model.parameters(), lr=0.0)],
            lambda _, model=model: {"loss": model.weight.sum() * 0 + 3.0},
            tmp_path,
            minutes=minutes,
            seed=0,
        )
        for minutes, model in ((0.25, nn.Linear(1, 1)), (0.75, nn.Linear(1, 1)))
    )
    for part in parts:  # 15 steps, then 30 more: the log line at step 20 averages five steps
        part.run(save=lambda: None)
    lines = (tmp_path / "log.csv").read_text().splitlines()[1:]
    assert [(line.split(",")[0], line.split(",")[2]) for line in lines] == [
        ("20", "3.0000"),
        ("40", "3.0000"),
    ]


def test_learning_rate_warms_up_and_decays_only_if_configured(tmp_path):
    decaying, constant = (make_run(tmp_path, nn.Linear(3, 1), 1, decay=decay) for decay in (0.5, 0.0))

    def rates(run):
        found = []
        for progress in (0.0, 0.5, 0.75, 0.999):
            run._set_rates(progress)
            found.append(run.optimizers[0].param_groups[0]["lr"])
        return found

    first, half, late, last = rates(decaying)
    assert (first < 0.01, half, late, last) == (True, 0.1, 0.05, pytest.approx(0.0002))
    assert rates(constant) == [first, 0.1, 0.1, 0.1]


def test_export_writes_half_precision_weights(tmp_path):
    model = nn.Linear(3, 2)
    run = make_run(tmp_path, model, minutes=0)
    run.export(model, tmp_path / "weights" / "m.safetensors")
    tensors = load_file(tmp_path / "weights" / "m.safetensors")
    assert tensors["weight"].dtype == torch.float16
    assert torch.allclose(tensors["weight"].float(), model.weight, atol=1e-3)
