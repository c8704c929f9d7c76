"""Worker processes, one per variant, for interleaved measurements."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.measure import Measurement
from ntt.errors import InputError


class Worker:
    """Process with a fitted model that measures one image at a time.

    A separate process gives each variant its own peak memory. It is idle while other workers measure.

    Args:
        conf: Folder of the configs.
        overrides: Overrides of ``conf/train.yaml``.
        threads: Number of torch threads.
    """

    def __init__(self, conf: Path, overrides: Sequence[str], threads: int) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, conf, list(overrides), threads), daemon=True
        )
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def facts(self) -> dict[str, Any]:
        """Wait until the model is fitted and return its facts. Call it once, before :meth:`measure`.

        Raises:
            InputError: The config, the data or the weights of the process are invalid.
            RuntimeError: The process died; its output contains the reason.
        """
        facts: dict[str, Any] = self._receive()
        return facts

    def measure(self, index: int) -> tuple[Measurement, int]:
        """Measure one target image; return the measurement and the peak memory so far in bytes."""
        self._pipe.send(index)
        measured: tuple[Measurement, int] = self._receive()
        return measured

    def _receive(self) -> Any:
        try:
            received = self._pipe.recv()
        except EOFError:
            raise RuntimeError("A benchmark process died; see its output above") from None
        if isinstance(received, InputError):
            raise received
        return received


def _serve(pipe: Connection, conf: Path, overrides: list[str], threads: int) -> None:
    import torch

    from benchmarks.measure import measure_image
    from benchmarks.setup import compose_train, fitted_model
    from ntt.config.messages import USER_ERRORS, describe
    from ntt.reporting.metrics import peak_rss

    torch.set_num_threads(threads)
    try:
        model, dataset = fitted_model(compose_train(conf, overrides))
    except USER_ERRORS as error:
        pipe.send(InputError(describe(error)))
        return
    random = model.encoder.random_weights or model.segmenter.random_weights
    pipe.send({"random_weights": random, "images": len(dataset.targets), "memory": peak_rss()})
    while True:
        measurement = measure_image(model, dataset.targets[pipe.recv()], dataset.category_ids)
        pipe.send((measurement, peak_rss()))
