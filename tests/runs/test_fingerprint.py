from dataclasses import replace

import pytest
import torch
from omegaconf import OmegaConf

import ntt
from ntt.runs.fingerprint import code_fingerprint, difference, references_fingerprint, run_fingerprint
from ntt.structures import Reference


@pytest.fixture
def references():
    image, mask = torch.zeros(3, 4, 6), torch.ones(4, 6, dtype=torch.bool)
    return [Reference(image, mask, 0, "a.png"), Reference(image + 0.5, mask, 1, "b.png")]


def test_does_not_depend_on_where_files_lie(references):
    moved = [replace(reference, source="elsewhere") for reference in references]
    assert references_fingerprint(moved) == references_fingerprint(references)


def test_changes_with_everything_else(references):
    first, second = references
    dot = torch.zeros(4, 6)
    dot[1, 2] = 1
    others = [
        [second, first],
        [first],
        [replace(first, label=1), second],
        [replace(first, image=first.image + dot), second],
        [replace(first, mask=first.mask & (dot == 0)), second],
    ]
    fingerprints = {references_fingerprint(references), *map(references_fingerprint, others)}
    assert len(fingerprints) == 1 + len(others)


def test_a_run_of_changed_code_of_the_user_is_another_run(tmp_path, monkeypatch):
    file = tmp_path / "own_scorer_of_a_user.py"
    file.write_text("class Own: pass")
    monkeypatch.syspath_prepend(tmp_path)
    named = OmegaConf.create({"scorer": {"_target_": "own_scorer_of_a_user.Own"}})
    without = OmegaConf.create({"scorer": {"_target_": "torch.nn.Identity"}})
    first, plain = run_fingerprint(named), run_fingerprint(without)
    assert run_fingerprint(named) == first
    file.write_text("class Own: changed = True")
    second = run_fingerprint(named)
    assert second != first
    assert difference(second, first) == "the code has"
    assert difference(first, plain) == "the configuration and the code have"
    assert plain.endswith(code_fingerprint({})), "torch is an installed package"


def test_changed_source_files_of_the_package_change_the_fingerprint(tmp_path, monkeypatch):
    (tmp_path / "__init__.py").touch()
    monkeypatch.setattr(ntt, "__file__", str(tmp_path / "__init__.py"))
    before = code_fingerprint({})
    (tmp_path / "new.py").write_text("1")
    assert code_fingerprint({}) != before


@pytest.mark.parametrize("target", ["", ".x", "absent_module_of_a_user.X", "__main__.X"])
def test_targets_without_a_source_file_are_left_to_the_instantiation(target):
    assert code_fingerprint({"_target_": target}) == code_fingerprint({})


def test_a_fingerprint_of_an_earlier_version_differs_in_all():
    assert difference("a-b", "c") == "the configuration and the code have"
    assert difference("a-b", "c-b") == "the configuration, or a file that it names, has"
