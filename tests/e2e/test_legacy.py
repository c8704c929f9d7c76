"""Configs of the integration guide's code, run as they are and as experiments."""

import json

import pytest
import yaml

from forked import run_forked


@pytest.fixture
def legacy(miniature):
    """A config of that code on the miniature data, with untrained models."""
    content = {
        "seed_everything": 3,
        "model": {
            "class_path": "no_time_to_train.pl_wrapper.sam2matcher_pl.Sam2MatcherLightningModel",
            "init_args": {
                "model_cfg": {
                    "name": "matching_baseline_noAMG",
                    "sam2_cfg_file": "sam2_hiera_t.yaml",
                    "sam2_ckpt_path": "random",
                    "sam2_infer_cfgs": {"points_per_side": 32, "iou_thr": 0.1, "kmeans_k": 4},
                    "encoder_cfg": {"name": "dinov3_small", "img_size": 64, "patch_size": 16},
                    "encoder_ckpt_path": "random",
                    "memory_bank_cfg": {"enable": True, "category_num": 2, "length": 2},
                },
                "dataset_cfgs": {
                    "fill_memory": {
                        "name": "coco",
                        "root": f"{miniature}/references",
                        "json_file": f"{miniature}/references.json",
                    },
                    "test": {
                        "name": "coco",
                        "root": f"{miniature}/targets",
                        "json_file": f"{miniature}/targets.json",
                    },
                },
                "data_load_cfgs": {"workers": 0},
            },
        },
        "trainer": {"precision": 32, "benchmark": True},
    }
    file = miniature / "sample.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


FEW = "model.proposals.points_per_side=4"


def run_metrics(result, folder):
    assert result.returncode == 0, result.stderr
    return json.loads((folder / "metrics.json").read_text())


def test_a_legacy_config_runs(train, run_dir, miniature, legacy):
    data = [f"legacy_config={legacy}", f"paths.runs={miniature}/runs"]
    result = train("dataset.limit=1", "callbacks=predictions", data=data, few=FEW)
    metrics = run_metrics(result, run_dir())
    assert (metrics["encoder"]["name"], metrics["encoder"]["img_size"]) == ("dinov3_small", 64)
    assert metrics["timing"]["images"] == 1
    assert set(metrics["per_class"]) == {"disc", "bar"}
    key = "model.init_args.model_cfg.sam2_infer_cfgs.kmeans_k"
    remark = f"{legacy}: ignored keys without an equivalent: {key}"
    assert result.stdout.count(remark) == 1
    assert remark in (run_dir() / "train.log").read_text()
    words = yaml.safe_load((run_dir() / "overrides.yaml").read_text())
    assert "segmenter=sam2_tiny" in words, "the run can be repeated without the file"
    assert not any(word.startswith("legacy_config") for word in words)


@pytest.mark.slow
def test_a_converted_config_runs(train, run_dir, miniature, legacy, project_root):
    script = project_root / "scripts" / "convert_legacy_config.py"
    output = miniature / "experiment" / "mine.yaml"
    assert run_forked([script, legacy, "--output", output]).returncode == 0
    words = ["experiment=mine", f"hydra.searchpath=[file://{miniature}]", f"paths.runs={miniature}/runs"]
    result = train("segmenter=sam2_nano", "dataset.limit=1", "callbacks=predictions", data=words, few=FEW)
    metrics = run_metrics(result, run_dir())
    assert (metrics["encoder"]["name"], metrics["encoder"]["img_size"]) == ("dinov3_small", 64)
    assert metrics["memory_bank"]["instances"] == 4
