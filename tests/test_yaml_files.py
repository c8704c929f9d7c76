"""YAML of other people: read if it is plain, refused in one line otherwise, and never run or unpacked."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.io import read_yaml

LAUGHS = "a0: &a0 [lol]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12))
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{k}: &a{k}\n  <<: [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12)
)


@pytest.fixture
def read(tmp_path):
    def call(text):
        (tmp_path / "a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_yaml(tmp_path / "a.yaml")

    return call


def test_plain_files_are_read(read):
    assert read("a: &x [1, 2.5, b]\nc: *x\nd: {<<: {e: null}, f: 2020-01-02}")["c"] == [1, 2.5, "b"]
    assert read("\ufeffa: 1") == {"a": 1}
    assert read("# nothing") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS, "a.yaml: not YAML: aliases expand to more than 100000 values"),
        (MERGES, "a.yaml: not YAML: aliases expand to more than 100000 values"),
        ("a: &a [*a]", "a.yaml: not YAML: aliases expand to more than 100000 values"),
        ("[" * 10_000, "a.yaml: not YAML: nested too deeply"),
        ("a: " + "b" * 10**6, "a.yaml: has more than 1000000 bytes"),
        ("a: 0x" + "f" * 5000, "a.yaml: not YAML: contains a number of 5002 characters"),
        ("a: " + "9" * 5000, "a.yaml: not YAML: contains a number of 5000 characters"),
        ("a: " + "1:" * 5000 + "1", "a.yaml: not YAML: contains a number of 10001 characters"),
        ("a: 2020-99-99", "a.yaml: not YAML: month must be in 1..12"),
        ("a: !!python/object/apply:os.system ['touch executed']", "a.yaml:1: not YAML: "),
        ("a: !!python/name:os.system", "a.yaml:1: not YAML: "),
        ("a: [1\nb: {", "a.yaml:2: not YAML: "),
        (b"a: \xff", "a.yaml: not YAML: 'utf-8' codec can't decode"),
        ("\x00", "a.yaml: not YAML: "),
    ],
)
def test_others_are_refused_in_a_line(read, monkeypatch, tmp_path, text, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        read(text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "executed").exists()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="ab:-[]{}&*<!|>%@'\"#,? 01.\n", max_size=60) | st.binary(max_size=60))
def test_whatever_it_says_it_is_read_or_refused(read, text):
    try:
        read(text)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
