"""Write docs/configuration.md: every group of conf/, its options and keys, with the comments beside them.

    python scripts/document_configuration.py

A test holds the page to what this makes of conf/.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CONF = ROOT / "conf"
PAGE = ROOT / "docs" / "configuration.md"
MOST_VALUES = 6  # of a key that are listed
COMMANDS = {"train": "python train.py", "predict": "python predict.py", "app": "ntt-app"}
SHARED = "options"  # folders of what the options of a group have in common
# Groups that conf/train.yaml does not name.
OTHERS = {
    "hydra/launcher": "where the jobs of a sweep run: in turn by default; docs/cluster.md",
    "tracking": "how objects of a video keep their identity. With `auto`, a key of `sam2` is "
    "`tracking.with_memory.KEY`, one of `overlap` `tracking.without_memory.KEY`",
    "nano": "what `scripts/train_nano.py` trains",
    "needs": "what `scripts/prepare_dataset.py` fetches; one a dataset",
}
HEAD = """# Configuration

<!-- Written by scripts/document_configuration.py out of the comments in conf/. -->

`python train.py GROUP=OPTION` chooses an option, `python train.py KEY=VALUE` changes a value; values are
written as in YAML, lists as `[a,b]`. `python train.py --cfg job` prints the outcome. Keys that speak for
themselves, without a comment in `conf/`, are left out here; `--cfg job` has them too.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Its text."""
    parts = [HEAD, "## Of the command itself\n"]
    for job, command in COMMANDS.items():
        parts.append(f"`{command}`:\n\n{keys_table([(CONF / f'{job}.yaml', '')])}")
    return "\n".join([*parts, *(group_section(name) for name in groups())])


def groups() -> list[str]:
    """Paths of the groups below ``conf``, in the order of ``train.yaml``."""
    holding = {str(file.parent.relative_to(CONF)) for file in CONF.glob("*/**/*.yaml")}
    names = {name for name in holding if Path(name).name != SHARED}
    first = [name for name in about_groups() if name in names]
    return [*first, *sorted(names - set(first))]


def about_groups() -> dict[str, str]:
    """What the defaults list of ``train.yaml`` says of each group."""
    lines = re.findall(r"^  - ([\w/]+): \S+ # (.+)$", (CONF / "train.yaml").read_text(), flags=re.MULTILINE)
    return {**dict(lines), **OTHERS}


def group_section(name: str) -> str:
    """A heading, the options, and their keys."""
    options = sorted((CONF / name).glob("*.yaml"))
    lines = [f"## `{name}`", "", _sentence(about_groups().get(name, "")), "", "| option | |", "|---|---|"]
    lines += [f"| `{file.stem}` | {_cell(summary(file))} |" for file in options]
    files = [*sorted((CONF / name / SHARED).glob("*.yaml")), *options]
    table = keys_table([(file, name) for file in files])
    return "\n".join([*lines, "", table])


def summary(file: Path) -> str:
    """The first sentence of the comment that a file begins with."""
    comment: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            comment.append(line.removeprefix("#").strip())
            if comment[-1].endswith(":"):
                break
    text = re.sub(r":? docs/\w+\.md", "", " ".join(comment))
    return re.split(r"(?<=[\w)]\.)\s(?=[A-Z])", text)[0].rstrip(":.")


def keys_table(files: list[tuple[Path, str]]) -> str:
    """Commented keys of files of a group; what several files say alike is said once."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for file, group in files:
        for key, value, comment in commented(file, group):
            rows.setdefault((key, value, comment), []).append(file.stem)
    for (key, comment), count in Counter((key, comment) for key, _, comment in rows).items():
        if count > MOST_VALUES:  # the value of each option would say little
            same = [row for row in rows if (row[0], row[2]) == (key, comment)]
            rows[key, "", comment] = [name for row in same for name in rows.pop(row)]
    if not rows:
        return ""
    written = [
        f"| `{key}` | {f'`{value}`' if value else ''} | {_cell(comment)} | {_where(names, files)} |"
        for (key, value, comment), names in rows.items()
    ]
    return "\n".join(["| key | value | | in |", "|---|---|---|---|", *written, ""])


def _where(names: list[str], files: list[tuple[Path, str]]) -> str:
    """The options that have a key; nothing where most have it."""
    shared = {file.stem for file, _ in files if file.parent.name == SHARED}
    few = not shared & set(names) and 2 * len(names) <= len(files)
    return ", ".join(f"`{name}`" for name in names) if few else ""


def commented(file: Path, group: str) -> Iterator[tuple[str, str, str]]:
    """Key as on the command line, value and comment, of each line that has these."""
    text = file.read_text(encoding="utf-8")
    package = re.match(r"# @package (\S+)", text)
    place = package[1].replace("_global_", "") if package else group.replace("/", ".")
    lines = text.splitlines()
    node = yaml.compose(text)
    for path, key, value in _nodes(node) if isinstance(node, yaml.MappingNode) else ():
        line, own_line = lines[key.start_mark.line], value.end_mark.line == key.start_mark.line
        rest = line[value.end_mark.column if own_line else key.end_mark.column + 1 :].strip()
        if rest.startswith("#"):
            name = ".".join(filter(None, (place, path)))
            shown = line[value.start_mark.column : value.end_mark.column] if own_line else ""
            yield name, shown, rest.lstrip("# ")


def _nodes(node: yaml.MappingNode, path: str = "") -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Path, key and value of all that is set, but for the defaults list."""
    for key, value in node.value:
        here = f"{path}.{key.value}" if path else key.value
        if here != "defaults":
            yield here, key, value
        if isinstance(value, yaml.MappingNode):
            yield from _nodes(value, here)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    main()
