import sys

import numpy as np
import pytest

from ntt.reporting.metrics import forget_peak_memory, peak_memory

MUCH = 200_000_000


def test_the_peak_stays_when_memory_is_given_back():
    forget_peak_memory()
    before = peak_memory()["rss"]
    array = np.ones(MUCH, dtype=np.uint8)
    del array
    assert peak_memory()["rss"] >= before + 0.9 * MUCH


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process forget its peak")
def test_a_later_run_does_not_report_what_an_earlier_one_took():
    array = np.ones(MUCH, dtype=np.uint8)
    del array
    peak = peak_memory()["rss"]
    forget_peak_memory()
    assert peak_memory()["rss"] <= peak - 0.5 * MUCH
