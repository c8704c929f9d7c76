from types import SimpleNamespace

import pytest

from ntt.engine.timer import Timer


@pytest.fixture
def readings(monkeypatch):
    """Readings of the clock, in the order in which it is read."""
    seconds = []
    clock = SimpleNamespace(perf_counter=lambda: seconds.pop(0))
    monkeypatch.setattr("ntt.engine.timer.time", clock)
    return seconds


def test_measure_adds_up_the_seconds_of_each_name(readings):
    readings += [10.0, 10.5, 20.0, 22.0, 30.0, 30.25]
    timer = Timer()
    for name in ("encode", "propose", "encode"):
        with timer.measure(name):
            pass
    assert timer.seconds == {"encode": 0.75, "propose": 2.0}


def test_measure_counts_a_block_that_raises(readings):
    readings += [1.0, 1.5]
    timer = Timer()
    with pytest.raises(ValueError, match="no"), timer.measure("encode"):
        raise ValueError("no")
    assert timer.seconds == {"encode": 0.5}


def test_take_returns_the_seconds_since_the_last_call(readings):
    readings += [1.0, 1.5]
    timer = Timer()
    with timer.measure("encode"):
        pass
    timer.add({"encode": 2.0, "match": 1.0})
    assert timer.take() == {"encode": 2.5, "match": 1.0}
    assert timer.take() == {}
