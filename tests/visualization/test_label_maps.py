import json

import numpy as np
import torch
from PIL import Image

from ntt.visualization.label_maps import LARGEST, write_label_map, write_legend


def test_a_map_reads_back_and_is_coloured_as_the_legend_says(tmp_path):
    classes = torch.tensor([[0, 1, 2], [2, 2, 0]])
    write_label_map(tmp_path / "new" / "a.png", classes, count=2)
    write_legend(tmp_path / "new" / "classes.json", ["boat", "bird"])
    legend = json.loads((tmp_path / "new" / "classes.json").read_text())
    assert [(entry["value"], entry["name"]) for entry in legend] == [
        (0, "background"),
        (1, "boat"),
        (2, "bird"),
    ]
    image = Image.open(tmp_path / "new" / "a.png")
    assert image.mode == "P"
    assert np.array_equal(np.asarray(image), classes)
    colours = np.array([entry["colour"] for entry in legend])
    assert np.array_equal(np.asarray(image.convert("RGB")), colours[classes])
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_there_is_room_for_the_largest_number_of_classes(tmp_path):
    classes = torch.arange(LARGEST + 1).reshape(3, -1)
    write_label_map(tmp_path / "a.png", classes, LARGEST)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), classes)
