"""The measure of masks made of prompts, on the miniature data set."""

import re
import subprocess
import sys


def test_prints_the_agreement_of_each_kind_of_prompt(project_root, miniature_overrides):
    words = [word for word in miniature_overrides if not word.startswith("segmenter")]
    result = subprocess.run(
        [sys.executable, project_root / "scripts/measure_reference_masks.py", *words],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    found = re.findall(r"sam2_nano, (.+): mean IoU ([\d.]+) of (\d+) references", result.stdout)
    assert [(kind, count) for kind, _, count in found] == [
        ("box", "4"),
        ("point", "4"),
        ("box and point", "4"),
    ]
    # Plain discs and bars on noise: what a click cannot find here it finds nowhere.
    assert all(float(iou) > 0.6 for _, iou, _ in found)
