"""Run Python commands in new processes that skip the imports.

A server process imports PyTorch, Lightning and the package once (``multiprocessing``'s fork server); each
command runs in a process forked from it. The imports take longer than most commands on the miniature dataset.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

PRELOADED = (
    "pytorch_lightning",
    "matplotlib.pyplot",
    "ntt.commands.predict",
    "ntt.commands.train",
    "ntt.data",
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
    env: Mapping[str, str] | None = None,
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
    with tempfile.TemporaryDirectory() as folder:
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        child = start_forked(words, stdout, stderr, cwd, env)
        child.join(timeout)
        if child.exitcode is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.join()
            raise subprocess.TimeoutExpired(words, timeout, stdout.read_bytes(), stderr.read_bytes())
        texts = (file.read_text(errors="replace") for file in (stdout, stderr))
        return subprocess.CompletedProcess(words, child.exitcode, *texts)


def start_forked(
    words: Sequence[str | os.PathLike[str]],
    stdout: Path,
    stderr: Path,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> BaseProcess:
    """Start ``python *words`` with its output appended to files, which may be the same."""
    for file in (stdout, stderr):
        file.touch()
    plain = [os.fspath(word) for word in words]
    child = _context.Process(
        target=_command, args=(plain, stdout, stderr, str(cwd or Path.cwd()), dict(env or os.environ))
    )
    child.start()
    return child


def _command(words: list[str], stdout: Path, stderr: Path, cwd: str, env: dict[str, str]) -> None:
    os.setsid()  # the command and its workers can be ended together
    for descriptor, file in ((1, stdout), (2, stderr)):
        opened = os.open(file, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[1:1] = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    try:
        if words[0] == "-m":
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            script = Path(words[0]).resolve()
            sys.path.insert(0, str(script.parent))
            runpy.run_path(str(script), run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # multiprocessing ends a child without them
