"""Files about the project agree with it and with their formats."""

import re
import tomllib

import pytest
import yaml

import ntt


@pytest.fixture(scope="module")
def citation(project_root):
    return yaml.safe_load((project_root / "CITATION.cff").read_text())


def test_citation_has_what_its_format_requires(citation):
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    for work in (citation, *citation["references"]):
        assert work["type"] in ("software", "article")
        assert work["title"]
        for author in work["authors"]:
            assert author.keys() in ({"name"}, {"given-names", "family-names"})
    for work in citation["references"]:
        assert {"type", "title", "authors", "year"} <= work.keys()
        numbers = [each["value"].removeprefix("arXiv:") for each in work.get("identifiers", [])]
        assert all(work["url"].endswith(number) for number in numbers)


def test_one_version_and_one_licence(citation, project_root):
    project = tomllib.loads((project_root / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"] == ntt.__version__
    assert citation["license"] == project["license"]
    assert f"## [{ntt.__version__}]" in (project_root / "CHANGELOG.md").read_text()


def test_changelog_has_the_headings_of_its_format(project_root):
    headings = re.findall(r"^### (.+)$", (project_root / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert {*headings} <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_pre_commit_has_the_ruff_of_the_tests(project_root):
    hooks = yaml.safe_load((project_root / ".pre-commit-config.yaml").read_text())["repos"]
    (rev,) = [each["rev"] for each in hooks if each["repo"].endswith("/ruff-pre-commit")]
    assert f"ruff=={rev.removeprefix('v')}\n" in (project_root / "constraints.txt").read_text()


def test_the_workflow_runs_what_a_change_must_pass(project_root):
    jobs = yaml.safe_load((project_root / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert commands == [".ci/run", "make docs PYTHON=python3.11"]
    assert jobs["tests"]["strategy"]["matrix"]["python"] == ["3.11", "3.12"]
