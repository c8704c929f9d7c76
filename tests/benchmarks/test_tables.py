"""The tables of docs/speed.md have rows and columns under the names that scripts/benchmark.py prints."""

import re

import pytest

from benchmarks.measure import STAGES
from benchmarks.tables import comparison_table, curve_table, growth_tables

COMPARED = {
    "seconds": dict.fromkeys(STAGES, 1.0),
    "AP": {"segm": 0.5, "bbox": 0.5},
    **dict.fromkeys(("seconds_per_image", "times_faster", "prompts", "drawn", "agreement"), 1.0),
    **dict.fromkeys(("peak_memory", "peak_memory_loading"), 2**20),
}
POINT = {"model": "grid", "segm": 0.5, "bbox": 0.5, "seconds_per_image": 1.0}
MEMORY = {"classes": 1, "shots": 1, "seconds_per_image": 1.0, "bytes": 2**20}
IMAGES = {"images": 1, "seconds": 1.0, "peak_memory": 2**20}


@pytest.fixture(scope="module")
def documented(project_root):
    """Rows of cells by the columns of their table, for the tables with a number in every row."""
    text = (project_root / "docs" / "speed.md").read_text()
    found = re.findall(r"((?:^\|.*\n)+)", text, flags=re.MULTILINE)
    tables = [
        [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in each.splitlines()]
        for each in found
    ]
    return [(head, rows) for head, _, *rows in tables if "optimisation" not in head]


def columns(table):
    return [column.header for column in table.columns]


def test_documented_tables_have_printed_names(documented):
    variants = ["reference", "noamg_exact", "noamg", "guided"]
    compared = comparison_table(dict.fromkeys(variants, COMPARED))
    stages = list(compared.columns[0].cells)
    printed = [
        columns(table)
        for table in (curve_table([POINT]), *growth_tables({"memory": [MEMORY], "images": [IMAGES]}))
    ]
    first, second, *others = documented
    for head, rows in (first, second):
        assert head == columns(compared)
        names = [row[0] for row in rows]
        assert names == [name for name in stages if name in names], "the same names, in the same order"
    assert len(others) == len(printed)
    for (head, _), names in zip(others, printed, strict=True):
        assert head == [name for name in names if name in head]
