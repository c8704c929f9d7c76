"""Measure the time saved by the proposal cache in a sweep.

    python scripts/measure_sweep.py

Run a sweep of four encoders twice, without and with the cache, each time starting with an empty cache, and
print the times. Arguments are overrides of ``train.py`` for both sweeps: dataset.limit=8, model=guided.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ntt.runs.finished import read_runs

ROOT = Path(__file__).resolve().parent.parent
SWEEP = (
    "experiment=encoder_sweep",
    "encoder=dinov2_nano,dinov3_nano,efficientnet_lite0,untrained",
    "dataset.limit=16",
)


def main() -> None:
    """Measure both sweeps."""
    with tempfile.TemporaryDirectory() as folder:
        apart = measure(Path(folder) / "apart", ["cache.when=never"])
        shared = measure(Path(folder) / "shared", ["cache.when=sweep"])
    assert apart["AP"] == shared["AP"], "the cache must not change any result"
    print(f"without cache: {apart['seconds']:.0f} s, of which {apart['segmenting']:.0f} s in the test stages")
    print(f"with cache:    {shared['seconds']:.0f} s; {shared['megabytes']:.0f} MB stored")
    print(f"speed-up of the sweep: {apart['seconds'] / shared['seconds']:.2f}")
    first, rest = shared["jobs"][0], shared["jobs"][1:]
    print(f"test stage: first job {first:.1f} s, other jobs {sum(rest) / len(rest):.1f} s on average")


def measure(folder: Path, overrides: list[str]) -> dict[str, Any]:
    """Run the sweep in its own folder; return its time, the AP of the jobs, and the size of the cache."""
    command = [sys.executable, str(ROOT / "train.py"), "-m", *SWEEP, *overrides, *sys.argv[1:]]
    environment = {**os.environ, "NTT_CACHE": str(folder / "cache")}
    began = time.perf_counter()
    subprocess.run([*command, f"paths.runs={folder}/runs"], env=environment, check=True)
    seconds = time.perf_counter() - began
    (sweep,) = (folder / "runs").glob("*/*")
    runs = read_runs(sweep)
    timing = [run.metrics["timing"] for run in runs]
    stored = sum(file.stat().st_size for file in (folder / "cache").rglob("*.safetensors"))
    return {
        "seconds": seconds,
        "AP": [run.ap for run in runs],
        "jobs": [each["test"] - each.get("shared", 0.0) for each in timing],
        "segmenting": sum(each["test"] for each in timing),
        "megabytes": stored / 1e6,
    }


if __name__ == "__main__":
    main()
