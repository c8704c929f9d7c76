"""Emoji drawings of four vendors, rendered to RGBA sprites of equal size."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.progress import track

from nano.vocabulary import Emoji, Vocabulary, all_emoji, read_vocabulary

VENDORS = ("twemoji", "openmoji", "noto", "fluent")
SPRITE_SIZE = 160
NPM_PACKAGES = {
    "twemoji": "@twemoji/svg@15.0.0",
    "openmoji": "openmoji@17.0.0",
    "fluent": "fluentui-emoji@1.3.0",
}
NOTO_PACKAGE = "fonts-noto-color-emoji"
NOTO_STRIKE = 109  # only bitmap size of the font, in pixels


@dataclass(frozen=True)
class SpriteSheet:
    """Sprites of every class and vendor.

    Attributes:
        pixels: ``(classes, vendors, S, S, 4)`` uint8 RGBA; all zero if a vendor lacks the emoji.
        vocabulary: classes in the order of ``all_emoji``.
    """

    pixels: NDArray[np.uint8]
    vocabulary: Vocabulary

    def vendors_of(self, index: int) -> list[int]:
        """Return the vendors that have a drawing of the class at this index."""
        return [v for v in range(len(VENDORS)) if self.pixels[index, v, ..., 3].any()]


def load_sprites(cache: Path) -> SpriteSheet:
    """Load sprites from the cache folder; download the packages and render them on first use."""
    vocabulary = read_vocabulary(fetch_packages(cache) / "openmoji/data/openmoji.json")
    file = cache / f"sprites_{SPRITE_SIZE}.npy"
    if not file.exists():
        render_all(cache, vocabulary, file)
    return SpriteSheet(np.load(file, mmap_mode="r"), vocabulary)


def fetch_packages(cache: Path) -> Path:
    """Download and unpack the vendors' npm and Debian packages below ``cache``; return ``cache``."""
    cache.mkdir(parents=True, exist_ok=True)
    for vendor, package in NPM_PACKAGES.items():
        if (cache / vendor).exists():
            continue
        packed = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=cache, check=True, capture_output=True, text=True
        )
        with tarfile.open(cache / packed.stdout.split()[-1]) as archive:
            archive.extractall(cache / f"{vendor}.part", filter="data")
        (cache / f"{vendor}.part" / "package").rename(cache / vendor)
    if not (cache / "noto").exists():
        subprocess.run(["apt-get", "download", NOTO_PACKAGE], cwd=cache, check=True, capture_output=True)
        deb = next(cache.glob(f"{NOTO_PACKAGE}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", deb.name, "noto"], cwd=cache, check=True)
    return cache


def render_all(cache: Path, vocabulary: Vocabulary, file: Path) -> None:
    """Render all classes of all vendors into one array on disk."""
    classes = list(all_emoji(vocabulary))
    sheet = np.zeros((len(classes), len(VENDORS), SPRITE_SIZE, SPRITE_SIZE, 4), dtype=np.uint8)
    draw = _drawers(cache)
    for i, emoji in enumerate(track(classes, "Rendering sprites")):
        for v, vendor in enumerate(VENDORS):
            image = draw[vendor](emoji)
            if image is not None:
                sheet[i, v] = fit(image)
    part = file.with_suffix(".part.npy")
    np.save(part, sheet)
    part.rename(file)


def fit(image: Image.Image) -> NDArray[np.uint8]:
    """Crop to the visible pixels and centre in the square sprite, keeping the aspect ratio."""
    image = image.crop(image.getchannel("A").point(lambda a: 255 * (a > 24)).getbbox())
    scale = SPRITE_SIZE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = Image.new("RGBA", (SPRITE_SIZE, SPRITE_SIZE))
    canvas.paste(
        image.resize(size, Image.Resampling.BICUBIC),
        ((SPRITE_SIZE - size[0]) // 2, (SPRITE_SIZE - size[1]) // 2),
    )
    return np.asarray(canvas)


class _Svg:
    """Renderer of one vendor's SVG files; ``paths`` yields possible file names."""

    def __init__(self, folder: Path, paths: Callable[[Emoji], Iterator[str]]) -> None:
        self.folder, self.paths = folder, paths

    def __call__(self, emoji: Emoji) -> Image.Image | None:
        for name in self.paths(emoji):
            if (self.folder / name).exists():
                svg = (self.folder / name).read_text()
                png = resvg_py.svg_to_bytes(svg_string=svg, width=2 * SPRITE_SIZE, height=2 * SPRITE_SIZE)
                return Image.open(io.BytesIO(bytes(png))).convert("RGBA")
        return None


class _Noto:
    """Renderer of Noto Color Emoji glyphs."""

    def __init__(self, file: Path) -> None:
        self.font = ImageFont.truetype(file, NOTO_STRIKE)

    def __call__(self, emoji: Emoji) -> Image.Image | None:
        canvas = Image.new("RGBA", (150, 150))
        ImageDraw.Draw(canvas).text((5, 5), chr(int(emoji.code, 16)), font=self.font, embedded_color=True)
        return canvas if canvas.getchannel("A").getbbox() else None


def _drawers(cache: Path) -> dict[str, _Svg | _Noto]:
    annotations = {
        entry["hexcode"]: entry["annotation"]
        for entry in json.loads((cache / "openmoji/data/openmoji.json").read_text())
    }

    def by_code(emoji: Emoji) -> Iterator[str]:
        for code in (emoji.code, f"{emoji.code}-FE0F"):
            yield f"{code.lower()}.svg"
            yield f"{code}.svg"

    def by_name(emoji: Emoji) -> Iterator[str]:
        name = annotations[emoji.code].lower().replace("\u2019", "").replace("'", "")
        yield re.sub(r"[^a-z0-9]+", "-", name).strip("-") + ".svg"

    return {
        "twemoji": _Svg(cache / "twemoji", by_code),
        "openmoji": _Svg(cache / "openmoji/color/svg", by_code),
        "noto": _Noto(cache / "noto/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),
        "fluent": _Svg(cache / "fluent/icons/modern", by_name),
    }
