"""Test that the emoji config reads the embedded benchmark."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from ntt.errors import InputError


def dataset(project_root, *overrides):
    with initialize_config_dir(str(project_root / "conf"), version_base="1.3"):
        return instantiate(compose("train", [*overrides]).dataset)


@pytest.mark.parametrize("shots", [1, 5, 10])
def test_every_class_has_references_and_targets(project_root, shots):
    emoji = dataset(project_root, f"dataset.shots={shots}")
    emoji.check()
    assert len(emoji.references) == shots * len(emoji.class_names)
    assert len(emoji.targets) >= 60
    present = {annotation["category_id"] for annotation in emoji.ground_truth.dataset["annotations"]}
    assert present == set(emoji.category_ids)


def test_check_without_validation_classes_names_the_script(project_root, tmp_path):
    absent = dataset(project_root, "dataset=emoji_validation", f"paths.cache={tmp_path}")
    with pytest.raises(InputError, match=r"references\.json.*python scripts/build_emoji_dataset\.py"):
        absent.check()
