"""Reading JSON files that people and tools have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ntt.errors import InputError


def read_json(file: Path, fields: str, if_absent: str = "correct the path") -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        file: in UTF-8, with or without a byte order mark.
        fields: what the object has, for the message.
        if_absent: what to do where there is no such file, for the message.

    Raises:
        InputError: the file is absent, unreadable, malformed, or holds something else than an object.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(
            f"{file}: malformed JSON at {where} ({error.msg}); correct it or export it again"
        ) from None
    except FileNotFoundError:
        raise InputError(f"{file}: no such annotation file; {if_absent}") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); name a readable file") from None
    except (ValueError, RecursionError):  # other encodings, endless numbers, endless nesting
        raise InputError(f"{file}: is not a JSON text in UTF-8; export it again") from None
    if not isinstance(content, dict):
        raise InputError(f"{file}: is not a JSON object with {fields}")
    return content
