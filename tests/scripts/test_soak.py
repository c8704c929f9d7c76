import re
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_short_soak_says_what_is_held(project_root):
    result = subprocess.run(
        [sys.executable, str(project_root / "scripts" / "soak.py"), "--images", "300"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert re.search(r"^  200 images: +\d+\.\d MiB, \d+ files open$", result.stdout, re.M)
    growth = re.search(r"memory grew by at most (.+)%, files open: (.+)", result.stdout)
    assert float(growth[1]) < 5
    assert growth[2].isdigit(), "always the same number"
