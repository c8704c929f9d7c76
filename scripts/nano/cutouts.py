"""Photographic cut-outs and backgrounds from Debian packages, for training and for the photo benchmark.

The cut-outs are photographs with an alpha channel from ``tuxpaint-stamps-default`` (GPL-2); the backgrounds
are wallpapers (GPL-2 and later, CC-BY-SA). They are downloaded and never stored in the repository.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

CUT_OUTS = "tuxpaint-stamps-default"
BACKGROUNDS = ("mate-backgrounds", "plasma-workspace-wallpapers", "gnome-backgrounds", "ukui-wallpapers")
STAMPS = "usr/share/tuxpaint/stamps"
SIDE = 448  # side of a cut-out in pixels
OPAQUE = 128
WHOLE = 0.9  # minimum share of opaque pixels in the largest connected component
LEAST_SIDE = 40  # minimum longer side in pixels

# Drawings, symbols, and images that show no object.
_NOT_PHOTOGRAPHS = re.compile(
    r"symbols|cartoon|flags|roadsigns|_mirror|_flip|seasonal/(newyears|hanukkah|halloween/(grave|ghost))"
    r"|naturalforces|inukshuk-outline|space/planets/0_sun|sports/rugby_goal_posts|hedgehog|insects/bee|trees/birch"
    r"|seasonal/(easter/(bunny|butterfly|bluebird|chick|daffodil)|halloween/(jackolantern|bat|blackcat))"
    r"|christmas/(Santa|star|tree|bow|lamp|candy_cane|hard_candy|stocking|xmas_tp)"
    r"|clothes/(t_|button|hats)|medical/tooth|body_parts/eye|food/pizza|trees/holly"
)

# Classes of the photo benchmark, by stamp names. The tuning classes are used to choose options, the reported
# classes only for final results. sam2_lite is trained on neither.
TUNING_CLASSES = {
    "chicken": ("birds/hen", "birds/rooster", "birds/chicken_profile"),
    "deer": ("deer/caribou", "deer/deer", "deer/doe", "deer/wapiti"),
    "mushroom": ("mushrooms/cep", "mushrooms/cep-1", "mushrooms/cep-2"),
    "pepper": ("vegetables/pepper", "vegetables/yellowpepper", "vegetables/chilepepper"),
    "tiger": ("cats/tiger", "cats/tiger_sumatran"),
    "wrench": ("tools/wrench", "tools/wrench_adjustable", "tools/wrench_plumbers"),
}
REPORTED_CLASSES = {
    "apple": (
        "fruit/apple_fuji",
        "fruit/apple_granny_smith",
        "fruit/apple_green",
        "fruit/apple_red",
        "fruit/apple_sierra_beauty",
    ),
    "ball": ("sports/soccer", "sports/basketball", "sports/tennis_ball", "sports/cricketball"),
    "cow": ("bovines/bull", "bovines/cow", "bovines/cow_white", "bovines/zebu"),
    "guitar": ("string/guitar2", "string/guitar_classical", "string/guitar_electric"),
    "horse": ("equines/donkey", "equines/horse", "equines/zebra"),
    "orange": ("fruit/orange", "fruit/orange_seville", "fruit/mandarine"),
    "penguin": ("birds/penguin", "birds/little-penguin", "birds/magellanic_penguin"),
    "rabbit": ("rodents/rabbit", "rodents/rabbit-2", "mammals/rabbit_little"),
}


@dataclass(frozen=True)
class CutOut:
    """One photographed object.

    Attributes:
        name: path of the stamp below the stamps folder, without its extension ("animals/birds/crow").
        side: longer side of the stamp in pixels; enlarging it much further blurs the object.
        pixels: ``(SIDE, SIDE, 4)`` uint8 RGBA, the object centred, its longer side filling the square.
    """

    name: str
    side: int
    pixels: NDArray[np.uint8]


def fetch_packages(folder: Path, packages: tuple[str, ...]) -> list[Path]:
    """Download Debian packages with apt and unpack them below ``folder``, unless they are already there.

    Returns:
        The folder of each package.

    Raises:
        subprocess.CalledProcessError: apt does not find a package; ``apt-get update`` may help.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        if (folder / package).exists():
            continue
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True, capture_output=True)
        archive = next(folder.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive.name, f"{package}.part"], cwd=folder, check=True)
        (folder / f"{package}.part").rename(folder / package)
    return [folder / package for package in packages]


def load_cut_outs(folder: Path) -> list[CutOut]:
    """Load all photographic cut-outs that consist of one piece, sorted by name; download them on first use.

    Args:
        folder: folder of the Debian packages.
    """
    root = fetch_packages(folder, (CUT_OUTS,))[0] / STAMPS
    found = []
    for file in sorted(root.rglob("*.png")):
        name = file.relative_to(root).with_suffix("").as_posix()
        if _NOT_PHOTOGRAPHS.search(file.relative_to(root).as_posix()):
            continue
        with Image.open(file) as stamp:
            image = stamp.convert("RGBA")
        box = image.getchannel("A").point(lambda alpha: 255 * (alpha >= OPAQUE)).getbbox()
        if box is None or max(box[2] - box[0], box[3] - box[1]) < LEAST_SIDE:
            continue
        image = image.crop(box)
        pixels = centred(image, SIDE)
        if _in_one_piece(pixels):
            found.append(CutOut(name, max(image.size), pixels))
    return found


def of_class(cut_outs: list[CutOut], names: tuple[str, ...]) -> list[CutOut]:
    """Select the cut-outs whose names end in ``names``, in this order.

    Raises:
        LookupError: a name matches no cut-out or several.
    """
    by_end = {name: [each for each in cut_outs if each.name.endswith(name)] for name in names}
    missing = [name for name, found in by_end.items() if len(found) != 1]
    if missing:
        raise LookupError(f"{CUT_OUTS} has no cut-out {', '.join(missing)}")
    return [by_end[name][0] for name in names]


def training_cut_outs(cut_outs: list[CutOut]) -> list[CutOut]:
    """Select the cut-outs that belong to no class of the photo benchmark."""
    held_out = {
        each.name
        for classes in (TUNING_CLASSES, REPORTED_CLASSES)
        for names in classes.values()
        for each in of_class(cut_outs, names)
    }
    return [each for each in cut_outs if each.name not in held_out]


def background_folders(folder: Path) -> list[Path]:
    """Return the folders of background photographs; download them on first use."""
    return fetch_packages(folder, BACKGROUNDS)


def centred(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Scale an RGBA image to fit a square ``(side, side, 4)``, centred, keeping its aspect ratio."""
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = Image.new("RGBA", (side, side))
    place = ((side - size[0]) // 2, (side - size[1]) // 2)
    canvas.paste(image.resize(size, Image.Resampling.BICUBIC), place)
    return np.asarray(canvas)


def _in_one_piece(pixels: NDArray[np.uint8]) -> bool:
    opaque = (pixels[..., 3] >= OPAQUE).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(opaque)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return count > 1 and areas.max() >= WHOLE * areas.sum() and areas.sum() < 0.98 * opaque.size
