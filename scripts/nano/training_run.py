"""Resumable training loop with a time budget instead of a number of steps."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor, nn

WARM_UP = 0.03  # share of the minutes
SAVE_SECONDS = 120
LOG_STEPS = 20

console = Console()


class TrainingRun:
    """Run training steps until the time budget is used up, across any number of restarts.

    The learning rate warms up linearly, stays constant, and decays linearly. Progress is measured in time, so
    the schedule matches the budget on any machine. ``folder`` contains ``checkpoint.pt`` and ``log.csv``.

    Args:
        modules: trained modules by name.
        optimizers: optimizers of the modules.
        step: takes a random generator and returns a dictionary with the ``loss`` and further values to log.
        folder: folder of the checkpoint and the log.
        minutes: total training time in minutes.
        seed: random seed.
        clip: maximum gradient norm.
        decay: final share of the minutes in which the learning rate decays to zero; 0 keeps it constant.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        optimizers: Sequence[torch.optim.Optimizer],
        step: Callable[[np.random.Generator], dict[str, Tensor]],
        folder: Path,
        minutes: float,
        seed: int,
        clip: float = 5.0,
        decay: float = 0.45,
    ) -> None:
        self.modules, self.optimizers, self.step = modules, optimizers, step
        self.folder, self.seconds, self.seed = folder, minutes * 60, seed
        self.clip, self.decay = clip, decay
        self.base_rates = [group["lr"] for o in optimizers for group in o.param_groups]
        self.steps, self.spent = 0, 0.0

    def run(self, save: Callable[[], None]) -> None:
        """Train for the remaining time; call ``save`` at every checkpoint and at the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._resume()
        rng = np.random.default_rng([self.seed, self.steps])
        sums: dict[str, float] = {}
        summed = 0
        clock = last_save = time.monotonic()
        while self.spent < self.seconds:
            self._set_rates(self.spent / self.seconds)
            figures = self.step(rng)
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            figures["loss"].backward()
            parameters = [p for o in self.optimizers for g in o.param_groups for p in g["params"]]
            nn.utils.clip_grad_norm_(parameters, self.clip)
            for optimizer in self.optimizers:
                optimizer.step()
            self.steps += 1
            now = time.monotonic()
            self.spent, clock = self.spent + now - clock, now
            for key, value in figures.items():
                sums[key] = sums.get(key, 0.0) + float(value.detach())
            summed += 1
            if self.steps % LOG_STEPS == 0:
                self._log({key: value / summed for key, value in sums.items()})
                sums, summed = {}, 0
            if now - last_save > SAVE_SECONDS:
                last_save = now
                self._checkpoint()
                save()
        self._checkpoint()
        save()

    def export(self, module: nn.Module, output: Path) -> None:
        """Write a module's weights as float16 safetensors."""
        output.parent.mkdir(parents=True, exist_ok=True)
        tensors = {
            key: (value.detach().half() if value.is_floating_point() else value).contiguous()
            for key, value in module.state_dict().items()
        }
        part = output.with_suffix(".part")
        save_file(tensors, part)
        part.replace(output)

    def _set_rates(self, progress: float) -> None:
        factor = min(1.0, (progress + 1e-3) / WARM_UP)
        if self.decay:
            factor = min(factor, (1 - progress) / self.decay)
        groups = [group for o in self.optimizers for group in o.param_groups]
        for group, base in zip(groups, self.base_rates, strict=True):
            group["lr"] = base * factor

    def _log(self, figures: dict[str, float]) -> None:
        file = self.folder / "log.csv"
        fresh = not file.exists()
        with file.open("a", newline="") as handle:
            writer = csv.writer(handle)
            if fresh:
                writer.writerow(["step", "minutes", *figures])
            writer.writerow([self.steps, f"{self.spent / 60:.2f}", *(f"{v:.4f}" for v in figures.values())])
        text = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
        console.print(
            f"{self.spent / 60:6.1f} of {self.seconds / 60:.0f} min  step {self.steps:5d}  {text}",
            soft_wrap=True,
        )

    def _forget_lost_steps(self) -> None:
        """Drop log lines after the checkpoint, because those steps will be repeated."""
        file = self.folder / "log.csv"
        if file.exists():
            header, *rows = file.read_text().splitlines(keepends=True)
            kept = [row for row in rows if int(row.split(",")[0]) <= self.steps]
            file.write_text("".join([header, *kept]))

    def _checkpoint(self) -> None:
        state = {
            "steps": self.steps,
            "spent": self.spent,
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        part = self.folder / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        file = self.folder / "checkpoint.pt"
        if not file.exists():
            return
        state = torch.load(file, weights_only=True)
        self.steps, self.spent = state["steps"], state["spent"]
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._forget_lost_steps()
        console.print(f"Continues at step {self.steps}, {self.spent / 60:.1f} minutes spent.")
