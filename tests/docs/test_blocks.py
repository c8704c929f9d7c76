"""Every block says what it is, and is it."""

import json

import pytest
import yaml

from documents import PAGES, blocks

# Other tests here run these two; what is only to be looked at is "text".
EXECUTED = ("bash", "python")
PARSED = {"yaml": yaml.safe_load, "json": json.loads, "text": str}
COMMANDS = ("python ", "make ", "pip ", "$ ", ">>> ", "import ", "wandb ", "sbatch ", "ntt-")


def test_pages_are_found():
    assert {"README.md", "quickstart.md", "extending.md"} <= {page.name for page in PAGES}
    assert len(blocks(*EXECUTED)) > 40


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_the_kind_is_known_and_true(block):
    assert block.kind in (*EXECUTED, *PARSED), f"{block}: write bash, python, yaml, json or text after ```"
    if block.kind in PARSED:
        PARSED[block.kind](block.text)
    if block.kind == "text":
        assert not [line for line in block.text.splitlines() if line.startswith(COMMANDS)], "mark it as bash"
