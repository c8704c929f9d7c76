"""Run Python commands in new processes that skip the imports.

A server process imports PyTorch, Lightning and the package once (``multiprocessing``'s fork server); each command
runs in a process forked from it. The imports take longer than most commands on the miniature dataset.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PRELOADED = (
    "lightning",
    "matplotlib.pyplot",
    "ntt.commands.predict",
    "ntt.commands.train",
    "ntt.data",
    "ntt.embedded.photo_benchmark",
    "ntt.encoders",
    "ntt.engine.stages",
    "ntt.evaluation",
    "ntt.models",
    "ntt.reporting.report",
    "ntt.segmenters.sam2_package",
    "pycocotools.coco",
    "timm",
    "torchvision",
)

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(PRELOADED))


def run_forked(
    words: Sequence[str | os.PathLike[str]],
    cwd: str | os.PathLike[str] | None = None,
    env: dict[str, str] | None = None,
    timeout: float = 300,
) -> "subprocess.CompletedProcess[str]":
    """Run ``python *words`` with captured output, like ``subprocess.run``.

    Args:
        words: a script or ``-m`` and a module, followed by arguments.
        cwd: working directory; None for the current one.
        env: environment; None for the current one. Variables that are read on import have no effect.
        timeout: limit in seconds.

    Raises:
        subprocess.TimeoutExpired: the command did not end in time.
    """
    words = [os.fspath(word) for word in words]
    with tempfile.TemporaryDirectory() as folder:
        output = [Path(folder, name) for name in ("stdout", "stderr")]
        child = _context.Process(
            target=_command, args=(words, os.fspath(cwd or os.getcwd()), dict(env or os.environ), output)
        )
        child.start()
        child.join(timeout)
        if child.exitcode is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.join()
            raise subprocess.TimeoutExpired(words, timeout, *(file.read_bytes() for file in output))
        texts = [file.read_text(errors="replace") for file in output]
        return subprocess.CompletedProcess(words, child.exitcode, *texts)


def _command(words: list[str], cwd: str, env: dict[str, str], output: list[Path]) -> None:
    os.setsid()  # the command and its workers can be ended together
    for descriptor, file in zip((1, 2), output, strict=True):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    try:
        if words[0] == "-m":
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            sys.path.insert(0, str(Path(words[0]).resolve().parent))
            runpy.run_path(words[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 multiprocessing ends a child without them
