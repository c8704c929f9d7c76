"""Miniature versions of published datasets in their original formats and folders, with a few images.

Each class is an ellipse of its own colour. Images are 120 x 100 pixels and objects at least 40 pixels wide
and high. The rule for references (at least 32 pixels wide and high, 10 pixels to the border) excludes some
of them.
"""

import colorsys
import json
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 120, 100

# Same ids and order as in instances_train2017.json; the ids have gaps.
LINES = (Path(__file__).parent / "coco_categories.txt").read_text().splitlines()
COCO = {int(identity): name for identity, _, name in (line.partition(" ") for line in LINES)}
VOC = ["aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable"]
VOC += ["dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"]
LVIS = {
    1: ("aerosol_can", "c"),
    2: ("air_conditioner", "f"),
    4: ("alarm_clock", "f"),
    13: ("applesauce", "r"),
    14: ("apricot", "r"),
    17: ("arctic_(type_of_shoe)", "r"),
}


def make_coco(root, train=10, val=2):
    """Write annotations/instances_{train,val}2017.json, train2017 and val2017.

    Each class is in every second image.
    """
    for split, count in (("train", train), ("val", val)):
        pictures = [
            [(category, _box(number, k)) for k, category in enumerate(COCO) if (number + k) % 2 == 0]
            for number in range(count)
        ]
        content = _coco_content(root / f"{split}2017", pictures, first_id=9 if split == "train" else 139)
        for image in content["images"]:
            image |= {
                "license": 1,
                "coco_url": f"http://images.cocodataset.org/{split}2017/{image['file_name']}",
            }
        # A crowd of persons in the upper half; run lengths are column-major.
        runs = {"size": [HEIGHT, WIDTH], "counts": [0, *[HEIGHT // 2] * 2 * WIDTH]}
        crowd = {"id": 900000000001, "iscrowd": 1, "segmentation": runs, "bbox": [0, 0, WIDTH, HEIGHT // 2]}
        content["annotations"].append({**content["annotations"][0], **crowd})
        content = {"info": {"year": 2017}, "licenses": [{"id": 1, "name": "none"}], **content}
        content["categories"] = [{"supercategory": "x", "id": k, "name": name} for k, name in COCO.items()]
        _write(root / "annotations" / f"instances_{split}2017.json", content)
    return root


def make_lvis(root, images):
    """Write lvis_v1_{train,val}.json for images in train2017 and val2017; val contains both."""
    for split, folders in (("train", ["train2017"] * 12), ("val", ["train2017", "val2017"])):
        content = {"annotations": [], "images": []}
        for number, folder in enumerate(folders):
            # Rare classes are in one training image, common and frequent classes in all.
            present = [k for k, (_, letter) in LVIS.items() if letter != "r" or number == 0 or split == "val"]
            objects = [(category, _box(number, k)) for k, category in enumerate(present)]
            identity = 1000 * (split == "val") + number + 500
            part = _coco_content(images / folder, [objects], identity, len(content["annotations"]) + 1)
            (image,) = part["images"]
            image["coco_url"] = f"http://images.cocodataset.org/{folder}/{image.pop('file_name')}"
            image |= {"neg_category_ids": [13], "not_exhaustive_category_ids": []}
            content["images"].append(image)
            for annotation in part["annotations"]:
                del annotation["iscrowd"]
            content["annotations"] += part["annotations"]
        content["licenses"] = []
        content["categories"] = [
            {"id": k, "name": name, "frequency": letter, "image_count": 1 if letter == "r" else 12}
            for k, (name, letter) in LVIS.items()
        ]
        _write(root / f"lvis_v1_{split}.json", content)
    return root


def make_voc(root):
    """Write VOCdevkit/VOC2007 (trainval, test) and VOC2012 (trainval); each image contains all classes."""
    for folder, split, names in (
        ("VOC2007", "trainval", ["000005", "000007"]),
        ("VOC2007", "test", ["000001"]),
        ("VOC2012", "trainval", ["2008_000002", "2008_000003"]),
    ):
        year = root / "VOCdevkit" / folder
        for part in ("Annotations", "ImageSets/Main", "JPEGImages"):
            (year / part).mkdir(parents=True, exist_ok=True)
        (year / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
        for number, name in enumerate(names):
            objects = [(label, _box(number, label)) for label in range(len(VOC))]
            _draw(year / "JPEGImages" / f"{name}.jpg", objects)
            (year / "Annotations" / f"{name}.xml").write_text(_voc_xml(folder, name, objects, split))
    return root


def make_cdfsod(root, folder, names):
    """Write a CD-FSOD domain as released: 1, 5 and 10 shots, train and test, boxes without segmentations."""
    pictures = {"train": root / folder / "train", "test": root / folder / "test"}
    if folder == "DIOR":
        pictures = {split: path / f"new_{split}" for split, path in pictures.items()}
    for name, split, count in (
        *((f"{shots}_shot", "train", shots) for shots in (1, 5, 10)),
        ("train", "train", 10),
        ("test", "test", 2),
    ):
        objects = [
            [(label, _box(number, label)) for label in range(1, len(names) + 1)] for number in range(count)
        ]
        content = _coco_content(pictures[split], objects)
        for annotation in content["annotations"]:
            del annotation["segmentation"]
        content["categories"] = [
            {"id": k, "name": each, "supercategory": "none"} for k, each in enumerate(names, start=1)
        ]
        _write(root / folder / "annotations" / f"{name}.json", content)
    return root / folder


def _box(number, k):
    """Return x, y, width, height of an object; a third of the boxes are too close to the border."""
    x = 2 if (number + k) % 3 == 2 else 12 + (7 * number + 5 * k) % 30
    return x, 12 + (11 * number + 3 * k) % 24, 40 + (number + k) % 20, 40 + (2 * number + k) % 10


def _coco_content(folder, pictures, first_id=1, first_annotation=1):
    """Draw images and annotate them, without categories."""
    images, annotations = [], []
    for number, objects in enumerate(pictures):
        image_id = first_id + number
        name = f"{image_id:012d}.jpg"
        _draw(folder / name, objects)
        images.append({"id": image_id, "file_name": name, "height": HEIGHT, "width": WIDTH})
        for category, box in objects:
            annotations.append(
                {
                    "segmentation": [_ellipse(box)],
                    "area": box[2] * box[3] * 0.78,
                    "iscrowd": 0,
                    "image_id": image_id,
                    "bbox": [float(value) for value in box],
                    "category_id": category,
                    "id": first_annotation + len(annotations),
                }
            )
    return {"images": images, "annotations": annotations}


def _ellipse(box):
    x, y, width, height = box
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    points = np.stack([x + width / 2 * (1 + np.cos(angles)), y + height / 2 * (1 + np.sin(angles))], axis=1)
    return points.round(2).flatten().tolist()


def _draw(file, objects):
    file.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (WIDTH, HEIGHT), (120, 120, 110))
    for category, box in objects:
        colour = colorsys.hsv_to_rgb(category * 0.61803 % 1, 0.9, 0.5 + category % 5 / 10)
        corners = [box[0], box[1], box[0] + box[2], box[1] + box[3]]
        ImageDraw.Draw(picture).ellipse(corners, fill=tuple(int(255 * value) for value in colour))
    picture.save(file)


def _voc_xml(folder, name, objects, split):
    """Build a VOC file: pixels counted from 1, one fractional coordinate, one difficult test object."""
    entries = "".join(
        f"<object><name>{escape(VOC[label])}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>{int(k == 0 and split == 'test')}</difficult><bndbox><xmin>{x + 1}</xmin>"
        f"<ymin>{y + 1 + 0.25 * (k == 1)}</ymin><xmax>{x + width}</xmax><ymax>{y + height}</ymax></bndbox>"
        f"<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>"
        for k, (label, (x, y, width, height)) in enumerate(objects)
    )
    return (
        f"<annotation><folder>{folder}</folder><filename>{name}.jpg</filename><size><width>{WIDTH}</width>"
        f"<height>{HEIGHT}</height><depth>3</depth></size><segmented>0</segmented>{entries}</annotation>"
    )


def _write(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
