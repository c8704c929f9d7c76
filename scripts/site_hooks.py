"""What mkdocs.yml adds to the building of the site."""

from __future__ import annotations

import re
from typing import Any


def on_page_content(html: str, **_: Any) -> str:
    """Show names that docstrings mark with a role, as ``:class:`` does, as plain code."""
    return re.sub(r":(?:class|meth|func|mod):<code>~?", "<code>", html)
