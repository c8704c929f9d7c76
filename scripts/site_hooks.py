"""Hooks of mkdocs.yml."""

from __future__ import annotations

import re
from typing import Any


def on_page_content(html: str, **_: Any) -> str:
    """Show names marked with a role such as ``:class:`` in docstrings as plain code."""
    return re.sub(r":(?:class|meth|func|mod):<code>~?", "<code>", html)
