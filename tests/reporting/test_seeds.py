from io import StringIO

import pytest
from rich.console import Console

from ntt.reporting.comparison import mean_interval, seed_groups, seed_table


def job(*words, **aps):
    """A job with AP of masks and boxes."""
    return list(words), {kind: {"AP": ap} for kind, ap in aps.items()} | {"timing": {"images": 3}}


def lines(groups):
    console = Console(file=StringIO(), width=80)
    console.print(seed_table(groups))
    return console.file.getvalue().splitlines()


def test_interval_of_student():
    # Standard deviation 2, three values: 4.302653 * 2 / sqrt(3), from a table of Student's t for 2 degrees.
    found = mean_interval([2, 4, 6])
    assert found.mean == 4
    assert (found.low, found.high) == (pytest.approx(4 - 4.968276), pytest.approx(4 + 4.968276))


def test_equal_values_have_an_interval_without_width():
    found = mean_interval([0.3, 0.3])
    assert found.low == found.mean == found.high == 0.3


def test_jobs_that_differ_only_in_their_seed_are_grouped():
    groups = seed_groups(
        [
            job("encoder=a", "seed=0", segm=0.25, bbox=0.5),
            job("encoder=b", "dataset.seed=0", segm=0.5),
            job("encoder=a", "seed=1", segm=0.75, bbox=None),
            job("encoder=b", "dataset.seed=1", segm=0.5),
            job("encoder=c", "seed=1", segm=0.5),
            job("encoder=b", "dataset.seed=2", "+seed=5", segm=0.5),
        ]
    )
    first, second = groups
    assert (first.overrides, first.seeds) == (("encoder=a",), ("seed=0", "seed=1"))
    assert set(first.metrics) == {"segm/AP"}, "what some have not is left out, and so is what is not judged"
    assert first.metrics["segm/AP"].mean == 0.5
    assert second.seeds == ("dataset.seed=0", "dataset.seed=1", "dataset.seed=2 +seed=5")


def test_values_that_resemble_a_seed_keep_jobs_apart():
    assert (
        seed_groups([job("name=seed", segm=1), job("model.seeds=2", segm=1), job("seedling=1", segm=1)]) == []
    )


def test_table_fits_80_columns():
    groups = seed_groups(
        [
            job(f"encoder={name}", "dataset.limit=2", f"seed={seed}", segm=0.3 + seed / 100, bbox=0.2)
            for name in ("a", "b")
            for seed in range(3)
        ]
    )
    rows = [line.split() for line in lines(groups)[3:]]
    assert rows == [
        ["encoder=a", "3", "0.310", "±", "0.025", "0.200", "±", "0.000"],
        ["encoder=b", "3", "0.310", "±", "0.025", "0.200", "±", "0.000"],
    ]
    assert lines(groups[:1])[3].split()[:2] == ["all", "3"]
