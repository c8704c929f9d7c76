"""The measure of an encoder without a segmenter, on the miniature data set."""

import re

from forked import run_forked


def test_prints_the_share_of_true_masks_labelled_right(project_root, miniature_overrides):
    words = [*miniature_overrides, "encoder=efficientnet_lite0", "encoder.img_size=64"]
    # Its weights come with a package and are not random.
    words.remove("encoder.weights=random")
    result = run_forked([project_root / "scripts/label_true_masks.py", *words])
    assert result.returncode == 0, result.stderr
    found = re.search(
        r"efficientnet_lite0 at 64 pixels, context_ratio [\d.]+: ([\d.]+) of (\d+) masks", result.stdout
    )
    assert found, result.stdout
    # Red discs and blue bars, two of each class remembered: an encoder that tells them apart gets them all.
    assert float(found[1]) == 1.0
    assert int(found[2]) == 6
