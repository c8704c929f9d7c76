"""What README and docs tell a reader to type: their fenced blocks, and the commands in them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block.

    ``line`` is that of its fence, from 1. Behind the fence stand ``kind`` and, where the text is to be saved
    as a file, its ``title``.
    """

    page: str
    line: int
    kind: str
    title: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command, its words as a shell has them."""

    place: str
    words: tuple[str, ...]

    def __str__(self):
        return shlex.join(self.words)


def blocks(*kinds):
    """Those of all pages, in order; of all kinds if none is named."""
    found = [
        Block(str(page.relative_to(ROOT)), token.map[0] + 1, *_kind_and_title(token.info), token.content)
        for page in PAGES
        for token in MarkdownIt().parse(page.read_text())
        if token.type == "fence"
    ]
    return [block for block in found if not kinds or block.kind in kinds]


def commands():
    """Those of all ``bash`` blocks, each once."""
    found = {}
    for block in blocks("bash"):
        for words in _split(block):
            found.setdefault(words, Command(str(block), words))
    return list(found.values())


def _kind_and_title(info):
    kind, *rest = shlex.split(info) or [""]
    (title,) = rest or ["title="]
    return kind, title.removeprefix("title=")


def _split(block):
    """A command ends with its line, unless a quote or a backslash goes on, or at ``&&``."""
    without_comments = re.sub(r"(^|\s)#.*$", "", block.text.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(without_comments, posix=True, punctuation_chars="\n&")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words = []
    for token in [*lexer, "\n"]:
        if token.strip("\n") and token != "&&":
            words.append(token)
        elif words:
            yield tuple(words)
            words = []
