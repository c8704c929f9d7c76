import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntt.runs.journal import Journal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(entries=st.lists(JSON, max_size=4))
def test_reads_what_was_written(tmp_path_factory, entries):
    journal = Journal(tmp_path_factory.mktemp("journal"), "images")
    for entry in entries:
        journal.append(entry)
    assert list(journal.read()) == entries


def _beginnings(content):
    """The first line, the first two, ..."""
    lines = content.splitlines(keepends=True)
    return [b"".join(lines[:count]) for count in range(1, len(lines) + 1)]


@given(data=st.data())
def test_cut_short_anywhere_all_whole_lines_are_left_and_writing_goes_on(tmp_path_factory, data):
    journal = Journal(tmp_path_factory.mktemp("journal"), "images")
    for number in range(3):
        journal.append({"index": number, "text": "é" * number})
    content = journal.file.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    journal.file.write_bytes(content[:cut])
    whole = sum(cut >= end for end in (len(line) - 1 for line in _beginnings(content)))
    assert [entry["index"] for entry in journal.read()] == list(range(whole))
    journal.append({"index": 9})
    assert [entry["index"] for entry in journal.read()] == [*range(whole), 9]


def test_a_line_that_the_disk_changed_is_passed_over(tmp_path):
    journal = Journal(tmp_path, "images")
    for number in range(3):
        journal.append([number])
    journal.file.write_bytes(journal.file.read_bytes().replace(b"[1]", b"[7]"))
    assert list(journal.read()) == [[0], [2]]


def test_all_writers_are_read(tmp_path):
    for writer in (1, 0):
        Journal(tmp_path, "images", writer).append(writer)
    Journal(tmp_path, "others").append("other")
    assert list(Journal(tmp_path, "images", 5).read()) == [0, 1]


def test_what_json_cannot_hold_is_refused_and_leaves_no_trace(tmp_path):
    journal = Journal(tmp_path, "images")
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.append(math.nan)
    assert list(journal.read()) == []


def test_a_memo_remembers_and_only_the_first_process_writes(tmp_path):
    Journal(tmp_path, "scores", 0).memo()[3] = {"score": 0.1}
    second = Journal(tmp_path, "scores", 1).memo()
    assert second == {3: {"score": 0.1}}
    second[4] = 1
    assert Journal(tmp_path, "scores", 0).memo() == {3: {"score": 0.1}}
