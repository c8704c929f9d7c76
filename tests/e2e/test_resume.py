"""Killed at any moment, the same command goes on, and the result is that of an undisturbed run."""

import json
import random
import time
from functools import partial

import pytest

from forked import start_forked

WORDS = (
    *("trainer=cpu", "model.proposals.max_prompts=16", "model.memory.batch_size=1", "score_threshold=auto"),
    *("dataset.negatives=mined", "task=semantic", "callbacks.visualizations.images=2"),
)


@pytest.fixture
def words(miniature, miniature_overrides, many_targets):
    return [*miniature_overrides, *WORDS]


@pytest.fixture
def many_targets(miniature):
    """The miniature with each of its target images six times."""
    file = miniature / "targets.json"
    content = json.loads(file.read_text())
    images, annotations = content["images"], content["annotations"]
    content["images"] = [{**image, "id": image["id"] + 10 * k} for k in range(6) for image in images]
    content["annotations"] = [
        {**each, "id": each["id"] + 100 * k, "image_id": each["image_id"] + 10 * k}
        for k in range(6)
        for each in annotations
    ]
    file.write_text(json.dumps(content))


def start(project_root, words, log):
    log.write_text("")
    return start_forked([project_root / "train.py", *words], log, log)


def wait_until(condition, process):
    """Wait until something is so; False if the process ends before."""
    while not condition():
        if process.exitcode is not None:
            return False
        time.sleep(0.02)
    return True


def wait_for(file, text, process):
    """Wait until the file holds the text."""
    return wait_until(lambda: text in file.read_text(), process)


def undisturbed(project_root, words, miniature):
    """The folder of a run, and how many seconds it took once its data were read."""
    log = miniature / "undisturbed.log"
    process = start(project_root, [*words, f"paths.runs={miniature}/undisturbed"], log)
    assert wait_for(log, "Data:", process), log.read_text()
    began = time.monotonic()
    process.join(300)
    assert process.exitcode == 0, log.read_text()
    (folder,) = (miniature / "undisturbed").glob("*/*")
    return folder, time.monotonic() - began


def kill_until_done(project_root, words, miniature, moments):
    """Kill the command so many seconds after it has read its data, repeat it, let the last one be."""
    log = miniature / "killed.log"
    for moment in [*moments, None]:
        process = start(project_root, [*words, f"paths.runs={miniature}/killed"], log)
        if moment is not None and wait_for(log, "Data:", process):
            time.sleep(moment)
            process.kill()
        process.join(300)
    assert process.exitcode == 0, log.read_text()
    (folder,) = (miniature / "killed").glob("*/*")
    return folder


def pictures(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.png")}


def assert_same(killed, whole):
    assert (killed / "predictions.json").read_bytes() == (whole / "predictions.json").read_bytes()
    assert (killed / "memory.safetensors").read_bytes() == (whole / "memory.safetensors").read_bytes()
    assert pictures(killed) == pictures(whole)
    ours, theirs = (json.loads((folder / "metrics.json").read_text()) for folder in (killed, whole))
    for metrics in (ours, theirs):
        metrics.pop("peak_memory")
    timing = ours.pop("timing")
    assert timing["images"] == theirs.pop("timing")["images"] == 18
    assert ours == theirs
    assert not (killed / "progress").exists()


@pytest.mark.parametrize(
    "kills", [pytest.param(1, id="1"), pytest.param(20, id="20", marks=pytest.mark.slow)]
)
def test_killed_at_random_moments_the_result_is_the_same(project_root, words, miniature, kills):
    whole, seconds = undisturbed(project_root, words, miniature)
    generator = random.Random(kills)
    # Each attempt gets a little further: together they take as long as the undisturbed run.
    moments = [generator.uniform(0, 2 * seconds / kills) for _ in range(kills)]
    assert_same(kill_until_done(project_root, words, miniature, moments), whole)


def test_a_sweep_that_was_killed_repeats_no_finished_job(project_root, words, miniature):
    command = [
        "-m",
        *words,
        f"paths.runs={miniature}/sweep",
        "callbacks.progress.seconds_between_lines=0",
        "seed=0,1",
    ]
    log = miniature / "sweep.log"
    process = start(project_root, command, log)
    images_of_second = partial((miniature / "sweep").glob, "*/*/1_*/progress/images.*")
    assert wait_until(lambda: any(images_of_second()), process), log.read_text()
    process.kill()
    process.join()
    (folder,) = (miniature / "sweep").glob("*/*")
    (first,) = folder.glob("0_*")
    finished = (first / "metrics.json").stat().st_mtime_ns
    assert not list(folder.glob("1_*/metrics.json"))
    process = start(project_root, command, log)
    process.join(300)
    assert process.exitcode == 0, log.read_text()
    assert [path.name for path in (miniature / "sweep").glob("*/*")] == [folder.name]
    assert (first / "metrics.json").stat().st_mtime_ns == finished
    assert f"{first} is finished" in log.read_text()
    assert len(list(folder.glob("*/metrics.json"))) == 2
    assert (folder / "report.html").is_file()
