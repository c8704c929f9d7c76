import json

from ntt.reporting.charts import curve_figure, run_charts


def test_without_predictions_or_ground_truth_there_is_less_to_show(tmp_path, metrics):
    file = tmp_path / "predictions.json"
    none = run_charts(file, None, metrics)
    assert (none.results, none.scores) == (None, [])
    file.write_text(json.dumps([{"score": 0.25}, {"score": 0.5}]))
    charts = run_charts(file, None, metrics)
    assert charts.scores == [0.25, 0.5]
    assert charts.curves == {}
    assert charts.per_class == metrics["per_class"]


def test_the_figure_has_a_line_for_each_iou():
    figure = curve_figure({"recall": [0, 1], "AP50": [1, 1], "AP75": [1, 0], "AP": [1, 0.5]}, "segm")
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["IoU 0.5", "IoU 0.75", "mean, IoU 0.5 to 0.95"]
    assert axes.lines[1].get_ydata().tolist() == [1, 0]
