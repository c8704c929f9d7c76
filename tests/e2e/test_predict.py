"""``predict.py`` as a user calls it."""

import json
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from forked import run_forked
from ntt.video import VideoFile
from ntt.video.files import VideoWriter


@pytest.fixture
def predict(project_root, miniature):
    """Call it on the miniature data with untrained models, from another folder."""

    def call(*words):
        small = [
            "encoder.weights=random",
            "segmenter.weights=random",
            "encoder.img_size=96",
            "segmenter.image_size=256",
            "model.proposals.prompts.max_prompts=16",
        ]
        where = [  # what to segment is left to the test
            f"references={miniature}/references.json",
            f"paths.runs={miniature}/runs",
        ]
        return run_forked([project_root / "predict.py", *where, *small, "device=cpu", *words], cwd=miniature)

    return call


def test_a_folder_with_a_broken_picture(predict, miniature):
    (miniature / "targets" / "1.png").write_bytes(b"no picture")
    result = predict(f"images={miniature}/targets", f"reference_images={miniature}/references")
    assert result.returncode == 0, result.stderr
    (run,) = (miniature / "runs").glob("*/*_predict")
    assert {path.name for path in (run / "overlays").iterdir()} == {"0.jpg", "2.jpg"}
    content = json.loads((run / "predictions.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["0.png", "2.png"]
    assert [category["name"] for category in content["categories"]] == ["disc", "bar"]
    assert len(list((run / "masks").glob("*/*.png"))) == len(content["annotations"])
    assert all(Image.open(mask).size == (96, 96) for mask in (run / "masks").glob("*/*.png"))
    assert list(json.loads((run / "skipped.json").read_text())) == [str(miniature / "targets" / "1.png")]
    assert "predict: skipped " in result.stdout
    assert "predict: 3/3 images" in result.stdout
    assert (run / "memory.safetensors").is_file()
    assert (run / "config.yaml").is_file()


def test_a_video(predict, miniature):
    with VideoWriter(miniature / "clip.mp4", Fraction(5)) as clip:
        for number in range(3):
            clip.add(np.asarray(Image.open(miniature / "targets" / f"{number}.png")), number / 5)
    result = predict(f"video={miniature}/clip.mp4", f"reference_images={miniature}/references")
    assert result.returncode == 0, result.stderr
    (run,) = (miniature / "runs").glob("*/*_predict")
    content = json.loads((run / "frames.json").read_text())
    assert [frame["seconds"] for frame in content["frames"]] == [0.0, 0.2, 0.4]
    assert len(list(VideoFile(run / "annotated.mp4"))) == 3
    ids = {each["id"] for frame in content["frames"] for each in frame["instances"]}
    assert f"{len(ids)} objects in 3 frames" in result.stdout
    assert "predict: 3/3 frames" in result.stdout


def test_one_folder_called_like_a_number_holds_examples_and_pictures(predict, miniature):
    folder = miniature / "2024"
    folder.mkdir()
    for number in (0, 1, 2):
        Image.open(miniature / "targets" / f"{number}.png").save(folder / f"{number}.jpg")
    mask = np.zeros((96, 96), np.uint8)
    mask[20:60, 20:60] = 255
    Image.fromarray(mask).save(folder / "0.png")  # marks an object in 0.jpg
    result = predict("references=2024", "images=2024")
    assert result.returncode == 0, result.stderr
    (run,) = (miniature / "runs").glob("*/*_predict")
    content = json.loads((run / "predictions.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["0.jpg", "1.jpg", "2.jpg"]


def test_a_sweep_tells_which_job_failed(predict, miniature):
    where = [f"reference_images={miniature}/references", f"images={miniature}/targets,{miniature}/absent"]
    result = predict(*where, "-m")
    assert result.returncode == 1
    reasons = [line for line in result.stderr.splitlines() if " failed: " in line]
    (reason,) = reasons
    assert f"{miniature}/absent" in reason
    assert len(list((miniature / "runs").glob("*/*/*/predictions.json"))) == 1


def test_bad_input_is_one_line(predict):
    result = predict("encoder=dinov3_lage")
    assert result.returncode == 2
    assert result.stderr == "Unknown DINOv3 model: dinov3_lage. Did you mean dinov3_large?\n"
