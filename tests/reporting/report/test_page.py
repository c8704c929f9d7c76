"""The files of a report, of runs on the miniature data set."""

import json
import re

import pytest

from finished_runs import make_failure, make_run, repeat_targets
from ntt.errors import InputError
from ntt.reporting.report import write_report
from ntt.reporting.report.page import markdown
from ntt.runs.finished import read_runs


@pytest.fixture
def sweep(tmp_path, miniature):
    """Two jobs, of which the second is better."""
    repeat_targets(miniature)
    make_run(tmp_path / "sweep" / "0_a", miniature, shift=5, encoder="dinov2_nano")
    make_run(tmp_path / "sweep" / "1_b", miniature, shift=1, encoder="dinov3_nano")
    return tmp_path / "sweep"


def report(folder, baseline=None):
    """The Markdown and the part of the page that is our own."""
    page = write_report(read_runs(folder), folder, baseline).read_text()
    return (folder / "report.md").read_text(), page[page.index("<body>") :]


def test_the_sentence_says_which_is_best_and_how_sure_that_is(sweep):
    text, page = report(sweep)
    sentence = text.splitlines()[2]
    best, other = (
        json.loads((sweep / job / "metrics.json").read_text())["segm"]["AP"] for job in ("1_b", "0_a")
    )
    assert sentence.startswith(
        f"encoder=dinov3_nano is best with mask AP {best:.3f}, {best - other:.3f} above the second best, "
        "encoder=dinov2_nano. The difference is significant: the 95 % interval of the difference, +0."
    )
    assert sentence in page
    row = next(line for line in text.splitlines() if line.startswith("| encoder=dinov2_nano | -0."))
    difference, low, high = (float(cell) for cell in row.split("|")[2:5])
    assert difference == pytest.approx(other - best, abs=6e-4)
    assert low <= difference <= high < 0
    assert row.endswith("| significant |")


def test_the_page_needs_nothing_from_elsewhere(sweep):
    page = write_report(read_runs(sweep), sweep).read_text()
    assert page.count("data:image/webp") == 27, "three pictures of each image"
    assert not re.search(r"<(script|img|link)[^>]*(src|href)=\"(?!data:)", page)
    assert "default-src 'none'" in page
    assert all(title in page for title in ("AP by encoder size", "AP against speed", "AP against parameters"))
    assert all(title in page for title in ("Difference from", "AP by class", "Difference by class"))


def test_equal_runs_differ_by_chance_and_have_no_pictures(tmp_path, miniature):
    repeat_targets(miniature)
    for number in range(2):
        make_run(tmp_path / f"{number}_a", miniature, shift=2, overrides=[f"seed={number}"])
    text, page = report(tmp_path)
    interval = "the 95 % interval of the difference, +0.000 to +0.000, contains zero"
    assert f"but the difference is not significant: {interval}" in text
    assert "<img" not in page


def test_a_baseline_is_what_others_are_compared_with(sweep):
    text, _ = report(sweep, baseline=0)
    assert "## Difference from encoder=dinov2_nano" in text
    assert "encoder=dinov2_nano minus encoder=dinov3_nano" in text
    assert text.splitlines()[2].startswith("encoder=dinov3_nano is best")


def test_few_images_give_no_intervals(tmp_path, miniature):
    for number, shift in enumerate((5, 1)):
        make_run(tmp_path / f"{number}_a", miniature, shift, overrides=[f"shift={shift}"])
    text, _ = report(tmp_path)
    assert "the significance of the difference is unknown" in text
    assert text.count("too few images |") == 3, "of AP and of both classes"


def test_failed_jobs_are_listed_with_their_reasons(sweep):
    make_failure(sweep / "2_c", ["encoder=c"], "not <enough> memory")
    text, page = report(sweep)
    assert "- encoder=c: not &lt;enough&gt; memory" in text
    assert "<dt>encoder=c</dt><dd>not &lt;enough&gt; memory</dd>" in page
    assert "Comparison of 3 runs" in text


def test_nothing_from_files_is_taken_for_html(tmp_path, miniature):
    bad = '<img src=x onerror="alert(1)">|`'
    for part in ("references.json", "targets.json"):
        path = miniature / part
        content = json.loads(path.read_text())
        content["categories"][0]["name"] = bad
        path.write_text(json.dumps(content))
    make_run(tmp_path / "0_a", miniature, shift=1, overrides=["a=</script><em>1"])
    make_run(tmp_path / "1_b", miniature, shift=3, overrides=["a=</script><em>2"])
    text, page = report(tmp_path)
    assert "<img src=x" not in page
    assert "<em>" not in page
    assert "a=</script>" not in page
    assert "<img" not in text
    row = next(line for line in text.splitlines() if "onerror" in line)
    assert row.replace(r"\|", "").count("|") == 8


@pytest.mark.parametrize("lost", ["targets.json", "targets/0.png"])
def test_what_cannot_be_read_any_more_is_left_out_and_named(sweep, miniature, lost):
    (miniature / lost).unlink()
    text, page = report(sweep)
    assert lost in text.split("## ")[0]
    assert "<img" not in page
    told = "not significant" in text or "is significant:" in text
    assert told == (lost == "targets/0.png")
    assert "encoder=dinov3_nano minus encoder=dinov2_nano" in text


def test_predictions_that_do_not_belong_to_the_metrics_give_no_intervals(sweep):
    (sweep / "0_a" / "predictions.json").write_text("[]")
    text, _ = report(sweep)
    assert "the targets or predictions have changed since the run" in text
    assert "the significance of the difference is unknown" in text


def test_runs_on_other_targets_or_classes_are_refused(sweep, miniature):
    make_run(sweep / "2_c", miniature, shift=1, limit=2, overrides=["dataset.limit=2"])
    with pytest.raises(InputError, match=r"^.* and .* have different targets or classes; compare runs"):
        report(sweep)
    make_run(sweep / "3_d", miniature, shift=1, classes=["bar"], overrides=["x"])
    with pytest.raises(InputError, match=r"^.*3_d and .* have different classes or evaluation protocols"):
        report(sweep)


def test_boxes_are_judged_where_the_truth_is_boxes(tmp_path, miniature):
    repeat_targets(miniature)
    for number, shift in enumerate((1, 6)):
        words = [f"shift={shift}"]
        make_run(tmp_path / f"{number}_a", miniature, shift, boxes_only=True, overrides=words)
    text, _ = report(tmp_path)
    assert "shift=1 is best with box AP" in text
    assert "The difference is significant" in text


def change_metrics(sweep, change):
    for path in sweep.glob("*/metrics.json"):
        metrics = json.loads(path.read_text())
        change(metrics)
        path.write_text(json.dumps(metrics))


def test_other_rules_have_tables_without_intervals(sweep):
    change_metrics(sweep, lambda metrics: metrics.update(protocol="LVIS", semantic={"mIoU": 0.456}))
    text, _ = report(sweep)
    assert "Intervals are available only for COCO AP; these runs report LVIS AP." in text
    assert "mIoU" in text
    assert "0.456" in text
    assert "## By class" in text
    assert "## Difference from" not in text


def test_without_ground_truth_there_is_a_table_of_speed(sweep):
    def forget(metrics):
        for key in ("protocol", "segm", "bbox", "per_class"):
            del metrics[key]
        metrics["peak_memory"] = 2.5e9

    change_metrics(sweep, forget)
    text, _ = report(sweep)
    assert "No run has an AP" in text
    assert "| run | images/s | encoder parameters | peak memory |" in text
    assert "2.50 GB" in text


def test_few_runs_are_said_to_be_few(tmp_path, miniature):
    make_failure(tmp_path / "0_a", ["x"], None)
    assert "No run finished" in report(tmp_path)[0]
    make_run(tmp_path / "1_b", miniature, shift=1)
    assert "Only one run finished: encoder=dinov3_nano, with mask AP" in report(tmp_path)[0]


def test_markdown_keeps_a_cell_a_cell():
    assert markdown("a|b\nc [x](y) <z> `q` under_score") == (r"a\|b c \[x\](y) &lt;z&gt; \`q\` under_score")
