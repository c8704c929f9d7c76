import pytest

from finished_runs import make_run
from ntt.errors import InputError


@pytest.fixture
def compare(load_script):
    return load_script("compare").main


@pytest.fixture
def runs(tmp_path, miniature):
    """A sweep of two, and a run of its own."""
    for number, shift in enumerate((4, 1)):
        make_run(tmp_path / "sweep" / f"{number}_a", miniature, shift, overrides=[f"shift={shift}"])
    make_run(tmp_path / "alone", miniature, 2, overrides=["shift=2"])
    return tmp_path


def test_sweeps_and_runs_are_compared_together(compare, runs, capsys):
    compare([f"{runs}/sweep", f"{runs}/alone", "--output", f"{runs}/out", "--baseline", f"{runs}/alone"])
    assert capsys.readouterr().out == f"Report: {runs}/out/report.html\n"
    text = (runs / "out" / "report.md").read_text()
    assert "# Comparison of 3 runs" in text
    assert "shift=1 is best" in text
    assert "## Difference from shift=2" in text


def test_a_baseline_has_to_be_among_the_runs(compare, runs):
    with pytest.raises(InputError, match=r"--baseline .*alone must be one of the finished runs"):
        compare([f"{runs}/sweep", "--output", f"{runs}/out", "--baseline", f"{runs}/alone"])
