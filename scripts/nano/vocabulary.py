"""Emoji classes of the embedded data set, split into training and held-out classes.

There are three disjoint sets of classes: *train* is used to train the nano models, *validation* to choose
settings, and *novel* as the few-shot benchmark for final results only. A class is one Unicode code point,
drawn by several vendors. An emoji that looks similar to a novel or validation class (its shape family)
belongs to no set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

GROUPS = ("people-body", "animals-nature", "food-drink", "travel-places", "activities", "objects")

NOVEL = {
    "airplane": "2708",
    "apple": "1F34E",
    "banana": "1F34C",
    "bicycle": "1F6B2",
    "bird": "1F426",
    "boat": "26F5",
    "butterfly": "1F98B",
    "cake": "1F382",
    "car": "1F697",
    "elephant": "1F418",
    "fish": "1F41F",
    "flower": "1F33B",
    "guitar": "1F3B8",
    "house": "1F3E0",
    "mushroom": "1F344",
    "rabbit": "1F407",
    "shoe": "1F45F",
    "tree": "1F333",
    "turtle": "1F422",
    "umbrella": "2602",
}

VALIDATION = {
    "bell": "1F514",
    "cactus": "1F335",
    "camera": "1F4F7",
    "carrot": "1F955",
    "cow": "1F404",
    "crocodile": "1F40A",
    "crown": "1F451",
    "frog": "1F438",
    "hamburger": "1F354",
    "ice cream": "1F366",
    "key": "1F511",
    "light bulb": "1F4A1",
    "pineapple": "1F34D",
    "pizza": "1F355",
    "rocket": "1F680",
    "scissors": "2702",
    "snail": "1F40C",
    "soccer ball": "26BD",
    "teddy bear": "1F9F8",
    "trumpet": "1F3BA",
}

# Emoji similar to the held-out classes, by OpenMoji subgroup and by words of the annotation.
FAMILY_SUBGROUPS = frozenset(
    [
        "animal-bird", "animal-marine", "plant-flower", "transport-water", "transport-air",
        "place-building",
    ]
)  # fmt: skip
FAMILY_WORDS = frozenset(
    [
        # similar to novel classes
        "airplane", "apple", "tomato", "peach", "cherries", "pear", "mango", "tangerine", "banana",
        "bicycle", "bike", "motorcycle", "scooter", "wheelchair", "bird", "chicken", "duck",
        "eagle", "feather", "boat", "ship", "ferry", "canoe", "butterfly", "bee", "fly", "mosquito",
        "cake", "shortcake", "cupcake", "pie", "car", "taxi", "automobile", "bus", "minibus",
        "truck", "van", "ambulance", "engine", "tractor", "elephant", "mammoth", "fish", "shark",
        "sushi", "streamer", "flower", "blossom", "rose", "tulip", "bouquet", "guitar", "banjo",
        "violin", "house", "home", "houses", "mushroom", "rabbit", "hare", "shoe", "boot", "sandal",
        "slipper", "skate", "shorts", "ski", "tree", "turtle", "umbrella", "parachute", "beach",
        # similar to validation classes
        "bell", "cactus", "camera", "carrot", "cow", "ox", "buffalo", "bull", "crocodile", "lizard",
        "dragon", "crown", "frog", "hamburger", "sandwich", "ice", "key", "bulb", "pineapple",
        "pizza", "rocket", "scissors", "snail", "shell", "ball", "soccer", "basketball",
        "volleyball", "baseball", "softball", "teddy", "bear", "panda", "koala", "trumpet",
        "saxophone", "horn",
    ]
)  # fmt: skip
# Excluded clock faces; the one o'clock face represents them, because they only differ in the hands.
CLOCK_FACES = frozenset(f"{code:X}" for code in range(0x1F551, 0x1F568))


@dataclass(frozen=True)
class Emoji:
    """One class: its code point ("1F34E") and its name ("red apple")."""

    code: str
    name: str


@dataclass(frozen=True)
class Vocabulary:
    """The three disjoint sets of classes."""

    train: tuple[Emoji, ...]
    validation: tuple[Emoji, ...]
    novel: tuple[Emoji, ...]


def read_vocabulary(openmoji_json: Path) -> Vocabulary:
    """Split OpenMoji's list of emoji (its ``data/openmoji.json``) into the three sets."""
    held_out = {*NOVEL.values(), *VALIDATION.values()}
    entries = json.loads(openmoji_json.read_text())
    train = [
        Emoji(entry["hexcode"], entry["annotation"])
        for entry in entries
        if entry["group"] in GROUPS
        and "-" not in entry["hexcode"]
        and entry["hexcode"] not in held_out | CLOCK_FACES
        and not in_held_out_family(entry["subgroups"], entry["annotation"])
    ]
    return Vocabulary(tuple(train), _named(VALIDATION), _named(NOVEL))


def in_held_out_family(subgroup: str, annotation: str) -> bool:
    """Whether an emoji is similar to a held-out class, by OpenMoji subgroup or a word of its annotation."""
    words = set(re.findall(r"[a-z]+", annotation.lower()))
    return subgroup in FAMILY_SUBGROUPS or bool(words & FAMILY_WORDS)


def _named(table: dict[str, str]) -> tuple[Emoji, ...]:
    return tuple(Emoji(code, name) for name, code in table.items())


def all_emoji(vocabulary: Vocabulary) -> Iterable[Emoji]:
    """Return all classes of the three sets, novel first."""
    return (*vocabulary.novel, *vocabulary.validation, *vocabulary.train)
