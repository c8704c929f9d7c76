"""No source file calls what would execute the content of a file that it reads."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path
    for place in ("src/ntt", "scripts", "dinov3", "src/*.py", "*.py")
    for path in (ROOT.glob(place) if "*" in place else (ROOT / place).rglob("*.py"))
)
FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "runpy.run_path"),
    *(
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "pickle._Unpickler",
        "marshal.load",
        "marshal.loads",
    ),
    *("shelve.open", "joblib.load", "dill.load", "dill.loads", "cloudpickle.load", "cloudpickle.loads"),
    *("pandas.read_pickle", "torch.jit.load", "torch.package.PackageImporter", "torch.serialization.load"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.Loader", "yaml.UnsafeLoader"),
    *("yaml.FullLoader", "xml.etree.ElementTree.parse", "xml.etree.ElementTree.fromstring"),
    *(
        "xml.etree.ElementTree.iterparse",
        "xml.dom.minidom.parse",
        "lxml.etree.parse",
        "shutil.unpack_archive",
    ),
}
# What is allowed, and where: a reader that knows no class, and code that a user has put there to be run.
ALLOWED = {
    ("src/ntt/data/few_shot_lists.py", "pickle._Unpickler"),
    ("src/ntt/encoders/hub.py", "torch.hub.load"),  # Meta's own clone in the place of the folder dinov3
}
SAFE_ONLY_WITH = {
    "torch.load": ("weights_only", True),
    "tarfile.extractall": ("filter", "data"),
    "extractall": ("filter", "data"),
    "extract": ("filter", "data"),
}
NEVER_WITH = {"allow_pickle": True, "shell": True, "trust_remote_code": True}


class Calls(ast.NodeVisitor):
    """Names used, under the names that they were imported by, and the words given to what is called."""

    def __init__(self):
        self.names, self.found = {}, []

    def visit_Import(self, node):
        for each in node.names:
            self.names[each.asname or each.name.partition(".")[0]] = (
                each.name if each.asname else each.name.partition(".")[0]
            )

    def visit_ImportFrom(self, node):
        for each in node.names:
            self.names[each.asname or each.name] = f"{node.module}.{each.name}"

    def dotted(self, node):
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        return "?"

    def visit_Call(self, node):
        words = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
        self.found.append((self.dotted(node.func), words))
        self.generic_visit(node)

    def visit_ClassDef(self, node):
        self.found += [(self.dotted(base), {}) for base in node.bases]
        self.generic_visit(node)


def offences(text):
    calls = Calls()
    calls.visit(ast.parse(text))
    for name, words in calls.found:
        if name in FORBIDDEN or name == "torch.hub.load":
            yield name
        for ending, (word, value) in SAFE_ONLY_WITH.items():
            method = "." not in ending and name.rpartition(".")[2] == ending
            if (name == ending or method) and words.get(word) != value:
                yield name
        yield from (f"{name}({word})" for word, value in NEVER_WITH.items() if words.get(word) == value)


def test_no_source_calls_them():
    names = {file.relative_to(ROOT).as_posix(): file for file in SOURCES}
    assert len(names) > 150
    assert "train.py" in names
    found = {(name, each) for name, file in names.items() for each in offences(file.read_text())}
    assert found == ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        "eval('1')",
        "import pickle as p\np.load(f)",
        "from pickle import loads\nloads(b)",
        "import pickle\nclass A(pickle.Unpickler): pass",
        "import torch\ntorch.load(f)",
        "import torch\ntorch.load(f, weights_only=False)",
        "import yaml\nyaml.load(f, yaml.SafeLoader)",
        "import numpy as np\nnp.load(f, allow_pickle=True)",
        "from xml.etree import ElementTree as E\nE.parse(f)",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "archive.extractall(folder)",
        "import torch\ntorch.hub.load(a, b)",
    ],
)
def test_they_would_be_found(text):
    assert list(offences(text))


@pytest.mark.parametrize(
    "text",
    [
        "model.eval()",
        "import torch\ntorch.load(f, weights_only=True)",
        "archive.extractall(folder, filter='data')",
        "import re\nre.compile('a')",
        "import yaml\nyaml.safe_load(f)",
    ],
)
def test_and_nothing_else(text):
    assert not list(offences(text))
