"""Convert the reference list of another project to a file for ``dataset.reference_file``.

    python scripts/convert_few_shot.py few_shot_10shot_seed33.pkl dataset=coco_fewshot
    python scripts/convert_few_shot.py cocosplit/seed1 dataset=coco_fewshot dataset.shots=10
    python scripts/convert_few_shot.py vocsplit/seed1 dataset=pascal_voc dataset.shots=3 to=three.json

Supported are the pickles of *No time to train!* (read without executing code), and the lists of TFA and its
successors: ``full_box_<shots>shot_<class>_trainval.json`` for COCO, ``box_<shots>shot_<class>_train.txt``
for PASCAL VOC, as single files or as a folder with the files for ``dataset.shots`` and the classes. The
annotations are looked up in the annotation file of the data set.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ntt.config.messages import require_values
from ntt.engine.command import exit_on_bad_input
from ntt.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
USAGE = "usage: python scripts/convert_few_shot.py LIST dataset=NAME [to=FILE]"


def main(arguments: list[str]) -> None:
    """Convert the lists to one file.

    Raises:
        InputError: The arguments or lists are invalid, or the lists are for another data set.
    """
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate

    from ntt.data.few_shot_lists import list_files, read_lists, write_few_shot

    paths = [Path(argument) for argument in arguments if "=" not in argument]
    targets = [Path(argument.removeprefix("to=")) for argument in arguments if argument.startswith("to=")]
    overrides = [argument for argument in arguments if "=" in argument and not argument.startswith("to=")]
    if not paths or not any(argument.startswith("dataset=") for argument in overrides):
        raise InputError(USAGE)
    os.environ.setdefault("PROJECT_ROOT", str(ROOT))
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("train", [*overrides, "paths.output=null"])
    require_values(cfg)
    dataset = instantiate(cfg.dataset)
    sampler = getattr(dataset, "sampler", None)
    if sampler is None:
        raise InputError(f"{USAGE}; this data set does not sample references from a larger file")
    files = [file for path in paths for file in list_files(path, sampler.shots, sampler.classes)]
    chosen = read_lists(files, sampler.annotation_file)
    target = targets[-1] if targets else default_target(paths[0], sampler.shots)
    write_few_shot(target, sampler.annotation_file, chosen, {"source": [file.name for file in files]})
    print(f"{sum(map(len, chosen.values()))} references of {len(chosen)} classes written to {target}")
    print(f"Use the file: python train.py {' '.join(overrides)} dataset.reference_file={target}")


def default_target(path: Path, shots: int) -> Path:
    """Return the default output: beside a pickle, otherwise in the folder of the lists."""
    if path.suffix == ".pkl":
        return path.with_suffix(".json")
    return (path if path.is_dir() else path.parent) / f"few_shot_{shots}shot.json"


if __name__ == "__main__":
    with exit_on_bad_input():
        main(sys.argv[1:])
