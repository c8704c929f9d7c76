"""Fenced code blocks and shell commands in README and docs."""

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

    ``line`` is the line number of the opening fence, from 1. ``kind`` is the language after the fence;
    ``title`` is the file name if the text is to be saved as a file.
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
    """A command, split into words as by a shell."""

    place: str
    words: tuple[str, ...]

    def __str__(self):
        return shlex.join(self.words)


def blocks(*kinds):
    """Return the blocks of all pages in order, of the given kinds or of all kinds."""
    found = [
        Block(str(page.relative_to(ROOT)), token.map[0] + 1, *_kind_and_title(token.info), token.content)
        for page in PAGES
        for token in MarkdownIt().parse(page.read_text())
        if token.type == "fence"
    ]
    return [block for block in found if not kinds or block.kind in kinds]


def commands():
    """Return the commands of all ``bash`` blocks, without duplicates."""
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
    """Split a block into commands, at ``&&`` and at line ends that are not quoted or escaped."""
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
