"""Convert annotations in another format to a COCO file for dataset=custom.

    python scripts/convert_dataset.py voc     VOC2012            voc.json
    python scripts/convert_dataset.py yolo    my_yolo/valid      valid.json
    python scripts/convert_dataset.py labelme my_pictures        references.json
    python scripts/convert_dataset.py masks   my_pictures        targets.json --category cell

Images are not copied; the file contains their paths relative to the folder. docs/custom_data.md describes the
formats and the conversion.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ntt.data.converters import CocoBuilder, convert_labelme, convert_masks, convert_voc, convert_yolo
from ntt.engine.command import exit_on_bad_input
from ntt.errors import InputError
from ntt.io import write_json


def main() -> None:
    """Convert one folder."""
    args = parser().parse_args()
    with exit_on_bad_input():
        if args.output.exists() and not args.force:
            raise InputError(f"{args.output} already exists; choose another file, or replace it with --force")
        coco = CocoBuilder(args.folder)
        args.convert(coco, args)
        if coco.problems and not args.skip_broken:
            raise InputError("\n".join(coco.problems))
        content = coco.content()
        if not content["annotations"]:
            raise InputError(f"{args.folder}: the files contain no annotated object")
        write_json(args.output, content, indent=None)
        print(report(args, coco, content))


def parser() -> argparse.ArgumentParser:
    """Return the parser; each format sets its conversion function."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("folder", type=Path, help="folder of the images and their annotations")
    common.add_argument("output", type=Path, help="COCO file to write")
    common.add_argument("--force", action="store_true", help="replace the output if it exists")
    common.add_argument(
        "--skip-broken", action="store_true", help="skip annotations that cannot be converted"
    )
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    formats = top.add_subparsers(required=True, metavar="format")
    voc = formats.add_parser("voc", parents=[common], help="PASCAL VOC: one XML file per image")
    voc.set_defaults(convert=lambda coco, _: convert_voc(coco))
    yolo = formats.add_parser(
        "yolo", parents=[common], help="YOLO: one text file of boxes or polygons per image"
    )
    yolo.add_argument("--names", type=Path, help="data.yaml or classes.txt, if not in the folder or above")
    yolo.set_defaults(convert=lambda coco, args: convert_yolo(coco, args.names))
    labelme = formats.add_parser("labelme", parents=[common], help="LabelMe: one JSON file per image")
    labelme.set_defaults(convert=lambda coco, _: convert_labelme(coco))
    masks = formats.add_parser("masks", parents=[common], help="mask images")
    masks.add_argument(
        "--category", default="object", help="class of masks that are not in the folder of a class"
    )
    masks.add_argument("--masks", default="masks", help="subfolder of the masks")
    masks.set_defaults(convert=lambda coco, args: convert_masks(coco, args.category, args.masks))
    return top


def report(args: argparse.Namespace, coco: CocoBuilder, content: dict[str, list[dict[str, object]]]) -> str:
    """Summarise the conversion: what was written, what was skipped, and how to use the file."""
    annotations = content["annotations"]
    masks = sum("segmentation" in annotation for annotation in annotations)
    names = [str(category["name"]) for category in content["categories"]]
    lines = [
        f"{args.output}: {len(content['images'])} images, {len(annotations)} objects ({masks} with a mask, "
        f"{len(annotations) - masks} with a box or points) of {len(names)} classes: {', '.join(names)}"
    ]
    lines += [f"skipped: {count} x {what}" for what, count in coco.left_out.items() if count]
    if coco.problems:
        lines.append(f"skipped: {len(coco.problems)} x invalid, for example {coco.problems[0]}")
    overrides = f"dataset.reference_file={args.output} dataset.reference_images={args.folder}"
    lines += [f"use it as references: python train.py dataset=custom {overrides} dataset.target_images=..."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
