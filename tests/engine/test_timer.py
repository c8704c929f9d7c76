import time

import pytest

from ntt.engine.timer import Clock


def test_adds_up_by_name():
    clock = Clock()
    for _ in range(2):
        with clock.measure("encode"):
            time.sleep(0.02)
    assert 0.04 <= clock.seconds["encode"] < 0.2
    assert "propose" not in clock.seconds


def test_counts_what_failed_too():
    clock = Clock()
    with pytest.raises(ValueError, match="no"), clock.measure("encode"):
        raise ValueError("no")
    assert clock.seconds["encode"] > 0
