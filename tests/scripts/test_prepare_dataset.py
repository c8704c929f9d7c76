"""The preparation script, on miniatures of the published archives and a local server."""

import io
import tarfile
import zipfile

import pytest

from forked import run_forked
from miniatures import make_coco, make_voc
from ntt.errors import InputError


@pytest.fixture
def script(load_script):
    return load_script("prepare_dataset")


def packed(root, suffix, patterns):
    """An archive of the files below root that fit the patterns, by the names that they have there."""
    buffer = io.BytesIO()
    paths = sorted(path for pattern in patterns for path in root.glob(pattern) if path.is_file())
    if suffix == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            for path in paths:
                archive.write(path, path.relative_to(root))
    else:
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path in paths:
                archive.add(path, path.relative_to(root))
    return buffer.getvalue()


@pytest.fixture
def served(world, tmp_path):
    """Words that make a download of a data set an archive on the server, of what lies in tmp_path/source."""

    def serve(name, file, patterns, counts):
        content = packed(tmp_path / "source", file.rpartition(".")[2], patterns)
        world.files[f"/{file}"] = content
        held = ",".join(f"{folder}:{count}" for folder, count in counts.items())
        download = f"download.{name}"
        return [
            f"{download}.url={world.root}/{file}",
            f"{download}.size={len(content)}",
            f"{download}.holds={{{held}}}",
        ]

    return serve


@pytest.fixture
def coco(served, tmp_path):
    make_coco(tmp_path / "source")
    return [
        f"paths.data={tmp_path}/data",
        "dataset.shots=1",
        *served("annotations", "annotations_trainval2017.zip", ["annotations/*"], {}),
        *served("val2017", "val2017.zip", ["val2017/*"], {"val2017": 2}),
        *served("train2017", "train2017.zip", ["train2017/*"], {"train2017": 10}),
    ]


def test_nothing_is_fetched_without_consent(script, world, coco, capsys, tmp_path):
    with pytest.raises(InputError, match="Files are missing; add yes=true to download and make them"):
        script.main(["dataset=coco_fewshot", *coco])
    assert world.requests == []
    assert not (tmp_path / "data").exists()
    shown = capsys.readouterr().out
    assert "train2017: missing (0.00 GB to download)" in shown
    assert f"{tmp_path}/data/coco/train2017: 0 of 10 files" in shown


def test_with_consent_a_run_finds_all_it_needs(script, world, coco, capsys, tmp_path):
    script.main(["dataset=coco_fewshot", "yes=true", *coco])
    assert "Ready: 20 references, 2 target images" in capsys.readouterr().out
    assert len(world.requests) == 3
    kept = sorted(path.name for path in (tmp_path / "data" / "coco").iterdir())
    assert kept == ["annotations", "few_shot", "train2017", "val2017"], "archives are removed"
    script.main(["dataset=coco_semantic", *coco])
    assert "train2017: complete" in capsys.readouterr().out
    assert len(world.requests) == 3


def test_what_was_interrupted_goes_on(script, world, coco, tmp_path):
    world.status = 500
    with pytest.raises(InputError, match="HTTP Error 500"):
        script.main(["dataset=coco", "yes=true", *coco])
    world.status = None
    script.main(["dataset=coco", "yes=true", *coco])
    (tmp_path / "data/coco/train2017/000000000010.jpg").unlink()
    world.requests.clear()
    script.main(["dataset=coco", "yes=true", *coco])
    assert len(world.requests) == 1


def test_annotations_of_voc_are_converted(script, served, tmp_path, capsys):
    make_voc(tmp_path / "source")
    words = ["dataset=pascal_voc", "dataset.shots=1", f"paths.data={tmp_path}/data"]
    for name, file, year, split, names, count in (
        ("trainval_2007", "VOCtrainval_06-Nov-2007.tar", "VOC2007", "trainval", "00000[57]", 2),
        ("test_2007", "VOCtest_06-Nov-2007.tar", "VOC2007", "test", "000001", 3),
        ("trainval_2012", "VOCtrainval_11-May-2012.tar", "VOC2012", "trainval", "2008_*", 2),
    ):
        folder = f"VOCdevkit/{year}"
        patterns = [f"{folder}/*/{names}.*", f"{folder}/ImageSets/Main/{split}.txt"]
        words += served(name, file, patterns, {f"{folder}/Annotations": count, f"{folder}/JPEGImages": count})
    script.main([*words, "yes=true"])
    shown = capsys.readouterr().out
    assert f"Making {tmp_path}/data/pascal_voc/annotations/voc0712_trainval.json" in shown
    assert "Ready: 5 references, 1 target images" in shown
    script.main(words)
    assert "missing" not in capsys.readouterr().out


def test_a_full_disk_is_not_filled(script, coco, world, tmp_path):
    with pytest.raises(InputError, match=rf"{tmp_path}: \d+\.\d GB needed, \d+\.\d GB free"):
        script.main(["dataset=coco", "yes=true", *coco, f"download.val2017.size={10**18}"])
    assert world.requests == []


def test_the_command_ends_with_one_line(project_root, tmp_path):
    words = ["dataset=cdfsod", "dataset.domain=FISH", "yes=true", f"paths.data={tmp_path}"]
    result = run_forked([project_root / "scripts" / "prepare_dataset.py", *words])
    assert result.returncode == 2
    assert result.stderr == (
        f"{tmp_path}/cdfsod/FISH/annotations/1_shot.json: missing; download it manually from "
        "https://github.com/lovelyqian/CDFSOD-benchmark to this path\n"
    )
    assert "domain: missing" in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"usage: .*Known: cdfsod, coco, "),
        (["dataset=coco_few_shot"], r"usage: .*Did you mean coco_fewshot\?"),
        (["dataset=emoji"], r"usage: .*Known: cdfsod"),
    ],
)
def test_mistakes(script, words, message):
    with pytest.raises(InputError, match=message):
        script.main(words)
