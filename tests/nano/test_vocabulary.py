import json

import pytest

from nano.vocabulary import NOVEL, VALIDATION, in_held_out_family, read_vocabulary


def test_held_out_sets_are_disjoint_with_twenty_classes_each():
    assert len(NOVEL) == len(VALIDATION) == 20
    assert not set(NOVEL.values()) & set(VALIDATION.values())
    assert not set(NOVEL) & set(VALIDATION)


@pytest.mark.parametrize(
    ("subgroup", "annotation"),
    [
        ("transport-ground", "police car"),
        ("animal-bird", "parrot"),
        ("food-fruit", "green apple"),
        ("sky", "Hot Pie!"),
    ],
)
def test_emoji_similar_to_held_out_classes_are_in_no_set(subgroup, annotation):
    assert in_held_out_family(subgroup, annotation)


def test_family_words_match_whole_words_only():
    assert not in_held_out_family("food-prepared", "carton")


def test_train_excludes_held_out_codes_sequences_and_other_groups(tmp_path):
    def entry(code, group, annotation):
        return {"hexcode": code, "group": group, "subgroups": "x", "annotation": annotation}

    file = tmp_path / "openmoji.json"
    entries = [
        entry("1F9C0", "food-drink", "cheese wedge"),
        entry(NOVEL["apple"], "food-drink", "malus"),
        entry(VALIDATION["bell"], "objects", "chime"),
        entry("1F551", "travel-places", "two o\u2019clock"),
        entry("1F9C0-200D-1F525", "food-drink", "burning cheese"),
        entry("1F600", "smileys-emotion", "grinning face"),
    ]
    file.write_text(json.dumps(entries))
    assert [emoji.code for emoji in read_vocabulary(file).train] == ["1F9C0"]
