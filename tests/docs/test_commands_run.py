"""Commands of README and docs are really run, with fewer images, classes and references.

``NOT_RUN`` lists those that cannot be run here, each with its reason; all others are run, so a new command is
either run or given a reason. ``test_commands.py`` tries every one of them in another way.
"""

import json
import os
import sys
from fnmatch import fnmatch
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from documents import commands
from forked import run_forked
from ntt.video.files import VideoWriter

NOT_RUN = {
    "*experiment=encoder_sweep": "published weights; with encoder= it is run",
    "*_large*": "published weights, about a gigabyte from Meta's or timm's servers",
    "*download_checkpoints.py*": "a network; tests/scripts/test_download_checkpoints.py has a server",
    "*encoder=timm*": "published weights, from timm's servers",
    "*legacy_config=*": "published weights; tests/e2e/test_legacy.py runs such a config with random ones",
    "*experiment=FILE": "published weights, as above",
    "*convert_legacy_config.py*": "the folder that the tests work in has been made with it",
    "*dataset=coco_fewshot*": "COCO, 20 GB; tests/e2e/test_protocols.py runs it on a miniature",
    "*dataset=pascal_voc*": "PASCAL VOC; tests/e2e/test_protocols.py runs it on a miniature",
    "*convert_few_shot.py*": "lists of other projects; tests/scripts/test_convert_few_shot.py has some",
    "*convert_dataset.py*": "folders in other formats; tests/scripts/test_convert_dataset.py has some",
    "*dataset=emoji_validation*": "is not in the repository; build_emoji_dataset.py draws it of packages",
    "*train_nano.py*": "hours; tests/nano/test_training_run.py trains a few steps",
    "*measure_*": "an hour or more; tests/scripts run them small",
    "*benchmark.py*": "ten minutes and more; tests/scripts/test_benchmark.py runs it small",
    "* logger=wandb": "an account; logger=wandb_offline is run",
    "*wandb_dashboard.py ENTITY/PROJECT": "an account; the offline specification is run",
    "*soak.py*": "twenty minutes; tests/scripts/test_soak.py runs it short",
    "*hydra/launcher=*": "other processes; tests/e2e/test_launchers.py and tests/slurm run them",
    "*trainer=ddp*": "other processes; tests/e2e/test_ddp.py runs them",
    "export *": "sets a variable",
    "pip *": "an environment of its own, from a package index",
    "make *": "installs, or runs what this test is a part of",
}
FEWER = ["dataset.limit=1", "dataset.shots=1"]
# Beyond that: words that make the commands of a pattern quicker without being about something else.
QUICKER = {
    "*experiment=matching_baseline_dinov3_test*": ["model.proposals.points_per_side=2"],
    "*predict.py* images=*": ["images=data/emoji/targets/0005.jpg"],
}
DATA = ("dataset=", "predict.py", "experiment=")


def without_reason():
    """Commands by page, since later ones read what earlier ones have written."""
    found = {}
    for command in commands():
        if not any(fnmatch(str(command), pattern) for pattern in NOT_RUN):
            found.setdefault(command.place.partition(":")[0], []).append(command)
    return found


@pytest.fixture(scope="module")
def place(checkout):
    """What the commands find: an elephant with a mask beside it, COCO files of one's own, and a clip."""
    data = checkout / "data" / "emoji"
    references, targets = (
        json.loads((data / f"{part}.json").read_text()) for part in ("references", "targets")
    )
    image = next(each for each in references["images"] if each["file_name"] == "0010.jpg")
    (marked,) = [each for each in references["annotations"] if each["image_id"] == image["id"]]
    (checkout / "elephants").mkdir()
    for name, file in (("one", "references/0010.jpg"), ("two", "targets/0005.jpg")):
        (checkout / "elephants" / f"{name}.jpg").write_bytes((data / file).read_bytes())
    mask = coco_mask.decode(_run_length(marked["segmentation"], image))
    Image.fromarray(np.asarray(mask) * np.uint8(255)).save(checkout / "elephants" / "one_mask.png")
    (checkout / "pictures").mkdir()
    for part, content in (("references", references), ("targets", targets)):
        for each in content["images"]:  # both have a 0001.jpg
            name = f"{part}_{each['file_name']}"
            (checkout / "pictures" / name).symlink_to(data / part / each["file_name"])
            each["file_name"] = name
        (checkout / f"{part}.json").write_text(json.dumps(content))
    (checkout / "runs").mkdir(exist_ok=True)
    with VideoWriter(checkout / "runs" / "window.mp4", Fraction(10)) as clip:
        for number in range(2):
            clip.add(np.asarray(Image.open(data / "targets" / "0005.jpg").convert("RGB")), number / 10)
    return checkout


def _run_length(segmentation, image):
    if isinstance(segmentation, list):
        return coco_mask.merge(coco_mask.frPyObjects(segmentation, image["height"], image["width"]))
    if isinstance(segmentation["counts"], list):
        return coco_mask.frPyObjects(segmentation, image["height"], image["width"])
    return segmentation


def _reduced(command):
    words = list(command.words)
    if words[1] not in ("train.py", "predict.py", "scripts/label_true_masks.py"):
        return words
    fewer = [] if words[1] == "predict.py" else list(FEWER)
    if not any(mark in str(command) for mark in DATA):
        fewer.append("dataset.classes=[bird,car]")
    quicker = [word for pattern, more in QUICKER.items() if fnmatch(str(command), pattern) for word in more]
    return [*words, *fewer, *quicker]


@pytest.mark.slow
@pytest.mark.parametrize("page", without_reason())
def test_the_commands_of_a_page_run(place, page):
    environment = {"PROJECT_ROOT": str(place), "PYTHONPATH": os.pathsep.join([str(place), *sys.path])}
    for command in without_reason()[page]:
        python, *words = _reduced(command)
        assert python == "python"
        done = run_forked(words, cwd=place, env={**os.environ, **environment}, timeout=600)
        assert done.returncode == 0, f"{command.place} {command}\n{done.stderr[-2000:]}"


def test_every_reason_is_for_a_command():
    told = [str(command) for command in commands()]
    assert not [pattern for pattern in NOT_RUN if not any(fnmatch(each, pattern) for each in told)]
    assert sum(map(len, without_reason().values())) > 25
