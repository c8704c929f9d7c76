import pytest


def _precision(value):
    return dict.fromkeys(("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100"), value)


@pytest.fixture
def metrics():
    """A ``metrics.json`` with a small-object AP that is undefined."""
    return {
        "protocol": "COCO",
        "bbox": _precision(0.25),
        "segm": {**_precision(0.123), "APs": None},
        "per_class": {"boat": {"bbox": 0.2, "segm": 0.1}, "bird": {"bbox": None, "segm": None}},
        "ceilings": {
            "true_labels": {"bbox": _precision(0.5), "segm": _precision(0.43)},
            "true_masks": {"bbox": _precision(0.6), "segm": _precision(0.61)},
        },
        "timing": {
            "fill_memory": 1.0,
            "postprocess_memory": 0.0,
            "test": 4.5,
            "encode": 1.0,
            "propose": 2.0,
            "match": 1.0,
            "refine": 0.5,
            "images": 8,
            "images_per_second": 1.78,
        },
        "encoder": {
            "name": "tiny",
            "parameters": 2_800_000,
            "random_weights": False,
            "dim": 8,
            "img_size": 384,
        },
        "segmenter": {"name": "sam", "parameters": 3_700_000, "random_weights": False, "image_size": 512},
        "memory_bank": {"bytes": 4096, "instances": 4, "classes": 2},
    }
