from types import SimpleNamespace

import pytest

from ntt.engine.timer import Clock


@pytest.fixture
def readings(monkeypatch):
    """Readings of the clock, in the order in which it is read."""
    seconds = []
    clock = SimpleNamespace(perf_counter=lambda: seconds.pop(0))
    monkeypatch.setattr("ntt.engine.timer.time", clock)
    return seconds


def test_measure_adds_up_the_seconds_of_each_name(readings):
    readings += [10.0, 10.5, 20.0, 22.0, 30.0, 30.25]
    clock = Clock()
    for name in ("encode", "propose", "encode"):
        with clock.measure(name):
            pass
    assert clock.seconds == {"encode": 0.75, "propose": 2.0}


def test_measure_counts_a_block_that_raises(readings):
    readings += [1.0, 1.5]
    clock = Clock()
    with pytest.raises(ValueError, match="no"), clock.measure("encode"):
        raise ValueError("no")
    assert clock.seconds == {"encode": 0.5}


def test_take_returns_the_seconds_since_the_last_call(readings):
    readings += [1.0, 1.5]
    clock = Clock()
    with clock.measure("encode"):
        pass
    clock.add({"encode": 2.0, "match": 1.0})
    assert clock.take() == {"encode": 2.5, "match": 1.0}
    assert clock.take() == {}
