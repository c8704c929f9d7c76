"""Shared fixtures: project root, thread limits and a miniature dataset."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image, ImageDraw

from colour_world import BLUE, GREEN, RED, ColourEncoder, canvas, model, paint, references
from local_server import World, serving
from ntt.data.download import transfer as downloads

ROOT = Path(__file__).resolve().parent.parent
os.environ["PROJECT_ROOT"] = str(ROOT)
# Workers of pytest-xdist share the cores; commands started by tests inherit this limit.
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)
# Use the same inputs in each run, for reproducible results; `make test-all` generates new ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("new-inputs", print_blob=True)
settings.load_profile("repeatable")

CLASSES = {"disc": (210, 60, 60), "bar": (60, 90, 210)}
SIDE = 96


@pytest.fixture(scope="session")
def project_root():
    return ROOT


@pytest.fixture
def miniature(tmp_path):
    """COCO-style few-shot dataset of discs and bars: four reference images, three target images."""
    generator = np.random.default_rng(0)
    for part, images in (("references", 4), ("targets", 3)):
        content = _draw_part(tmp_path / part, images, generator)
        (tmp_path / f"{part}.json").write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def miniature_overrides(miniature):
    """Overrides that run ``train.py`` on ``miniature`` with random weights and two shots."""
    return [
        f"dataset.reference_file={miniature}/references.json",
        f"dataset.reference_images={miniature}/references",
        f"dataset.target_file={miniature}/targets.json",
        f"dataset.target_images={miniature}/targets",
        "dataset.shots=2",
        "encoder.weights=random",
        "segmenter.weights=random",
        f"paths.runs={miniature}/runs",
    ]


@pytest.fixture
def world(monkeypatch):
    """Local web server; tests set its behaviour on the object."""
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    monkeypatch.setattr(downloads, "BLOCK", 10_000)
    with serving(World()) as world:
        yield world


@pytest.fixture
def unreachable(monkeypatch):
    """Make all URLs unreachable."""
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    monkeypatch.setattr(downloads, "urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no route")))


@pytest.fixture(scope="session")
def colours():
    return SimpleNamespace(
        RED=RED,
        BLUE=BLUE,
        GREEN=GREEN,
        Encoder=ColourEncoder,
        model=model,
        canvas=canvas,
        paint=paint,
        references=references,
    )


def _precision(value):
    return dict.fromkeys(("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100"), value)


@pytest.fixture
def metrics():
    """A ``metrics.json`` with a small-object AP that is undefined."""
    return {
        "protocol": "COCO",
        "bbox": _precision(0.25),
        "segm": {**_precision(0.123), "APs": None},
        "per_class": {"boat": {"bbox": 0.2, "segm": 0.1}, "bird": {"bbox": None, "segm": None}},
        "oracle": {
            "true_labels": {"bbox": _precision(0.5), "segm": _precision(0.43)},
            "true_masks": {"bbox": _precision(0.6), "segm": _precision(0.61)},
        },
        "timing": {
            "fill_memory": 1.0,
            "postprocess_memory": 0.0,
            "test": 4.5,
            "encode": 1.0,
            "propose": 2.0,
            "match": 1.0,
            "refine": 0.5,
            "images": 8,
            "images_per_second": 1.78,
        },
        "encoder": {
            "name": "tiny",
            "parameters": 2_800_000,
            "random_weights": False,
            "dim": 8,
            "img_size": 384,
        },
        "segmenter": {"name": "sam", "parameters": 3_700_000, "random_weights": False, "image_size": 512},
        "memory_bank": {"bytes": 4096, "instances": 4, "classes": 2},
    }


def _draw_part(folder, count, generator):
    folder.mkdir()
    content = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 3 + 4 * label, "name": name} for label, name in enumerate(CLASSES)],
    }
    for number in range(count):
        shade = generator.integers(90, 160, size=(SIDE, SIDE, 1), dtype=np.uint8)
        picture = Image.fromarray(np.repeat(shade, 3, axis=2))
        for label, colour in enumerate(CLASSES.values()):
            x, y = (int(v) for v in generator.integers(8, 24, size=2))
            box = [x + 36 * label, y + 36 * label, x + 36 * label + 28, y + 36 * label + (28, 12)[label]]
            (ImageDraw.Draw(picture).ellipse, ImageDraw.Draw(picture).rectangle)[label](box, fill=colour)
            content["annotations"].append(
                _annotation(len(content["annotations"]) + 1, number + 1, label, box)
            )
        picture.save(folder / f"{number}.png")
        content["images"].append(
            {"id": number + 1, "file_name": f"{number}.png", "width": SIDE, "height": SIDE}
        )
    return content


def _annotation(identity, image_id, label, box):
    left, top, right, bottom = box
    middle, half = ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    disc = np.stack([middle[0] + half[0] * np.cos(angles), middle[1] + half[1] * np.sin(angles)], axis=1)
    bar = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    polygon = (disc, bar)[label].flatten().tolist()
    return {
        "id": identity,
        "image_id": image_id,
        "category_id": 3 + 4 * label,
        "segmentation": [polygon],
        "bbox": [left, top, right - left, bottom - top],
        "area": float((right - left) * (bottom - top)),
        "iscrowd": 0,
    }
