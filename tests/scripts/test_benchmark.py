"""scripts/benchmark.py as people run it."""

import json

import pytest

from forked import run_forked

TINY = ["dataset.limit=1", "dataset.shots=1", "encoder=untrained", "encoder.img_size=160"]


@pytest.fixture
def benchmark(project_root, tmp_path):
    def run(*words):
        file = tmp_path / "measured.json"
        done = run_forked([project_root / "scripts" / "benchmark.py", "--json", file, *words], cwd=tmp_path)
        return done, json.loads(file.read_text()) if file.exists() else None

    return run


@pytest.mark.slow
def test_variants_are_compared_on_the_same_image(benchmark):
    done, measured = benchmark(*TINY, "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert list(measured) == ["reference", "noamg_exact", "noamg", "guided"]
    counts = {name: (found["prompts"], found["drawn"]) for name, found in measured.items()}
    assert counts["reference"] == (256, 4 * 256)
    assert counts["noamg"][0] == 256
    assert counts["noamg"][1] < 256
    assert counts["guided"][0] <= 128
    assert measured["noamg_exact"]["agreement"] == 1.0, "exact merging finds what the reference finds"
    assert measured["reference"]["times_faster"] == 1.0
    assert all(0 < found["peak_memory_loading"] <= found["peak_memory"] for found in measured.values())
    assert "random weights" in done.stdout, "so there is no AP to show"


@pytest.mark.slow
def test_curve(benchmark):
    done, measured = benchmark("--curve", "dataset.limit=1", "dataset.shots=1")
    assert done.returncode == 0, done.stderr
    assert [row["model"] for row in measured["curve"]][-2:] == ["256", "grid"]
    assert all(0 <= row["segm"] <= 1 for row in measured["curve"])


def test_bad_input_is_one_line(benchmark):
    done, _ = benchmark("encoder=dinov3_larg")
    assert done.returncode == 2
    assert (
        done.stderr.strip().splitlines()[-1]
        == "Unknown DINOv3 model: dinov3_larg. Did you mean dinov3_large?"
    )
