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
    *("encoder.img_size=96", "segmenter.image_size=256"),
    "callbacks.progress.seconds_between_lines=0",  # so that the log says how far the run is
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


def lines_since_data(log):
    """How many lines the command has logged since it has read its data, with that line; 0 before."""
    return log.read_text().partition("Data:")[2].count("\n")


def undisturbed(project_root, words, miniature):
    """The folder of a run, and how many lines it logged once its data were read."""
    log = miniature / "undisturbed.log"
    process = start(project_root, [*words, f"paths.runs={miniature}/undisturbed"], log)
    process.join(300)
    assert process.exitcode == 0, log.read_text()
    (folder,) = (miniature / "undisturbed").glob("*/*")
    return folder, lines_since_data(log)


def kill_until_done(project_root, words, miniature, moments):
    """Kill the command when it has logged so many lines, and repeat it until it is done; counts the kills."""
    log, kills = miniature / "killed.log", 0
    for moment in [*moments, None]:
        process = start(project_root, [*words, f"paths.runs={miniature}/killed"], log)
        if moment is not None and wait_until(lambda least=moment: lines_since_data(log) >= least, process):
            process.kill()
            kills += 1
        process.join(300)
        if process.exitcode == 0:
            break
    assert process.exitcode == 0, log.read_text()
    (folder,) = (miniature / "killed").glob("*/*")
    return folder, kills


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
    whole, lines = undisturbed(project_root, words, miniature)
    generator = random.Random(kills)
    # Each attempt gets a little further: together they log as much as the undisturbed run.
    moments = [generator.uniform(1, 2 * lines / kills) for _ in range(kills)]
    killed, times = kill_until_done(project_root, words, miniature, moments)
    assert times >= kills / 2
    assert_same(killed, whole)


def test_a_sweep_that_was_killed_repeats_no_finished_job(project_root, words, miniature):
    command = ["-m", *words, f"paths.runs={miniature}/sweep", "seed=0,1"]
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
