"""Box and point prompts in annotation files."""

from __future__ import annotations

from typing import Any

from ntt.data.validation import is_number, shown
from ntt.structures import Prompt

BOX_FORM = "expected [x, y, width, height] in pixels"
POINTS_FORM = "expected a list of [x, y] or [x, y, label], label 1 for the object and 0 for background"


def read_box(value: Any, height: int, width: int) -> tuple[float, float, float, float]:
    """Check and convert a box ``[x, y, width, height]``.

    Args:
        value: value in the file.
        height: image height in pixels.
        width: image width in pixels.

    Returns:
        ``x1 y1 x2 y2``, clipped to the image.

    Raises:
        ValueError: the box is malformed, empty, or mostly outside the image.
    """
    if not (isinstance(value, list) and len(value) == 4 and all(map(is_number, value))):
        raise ValueError(f"is {shown(value)}; {BOX_FORM}")
    x, y, box_width, box_height = map(float, value)
    if box_width <= 0 or box_height <= 0:
        raise ValueError(f"is {shown(value)}, which is empty; {BOX_FORM}")
    box = max(x, 0.0), max(y, 0.0), min(x + box_width, float(width)), min(y + box_height, float(height))
    inside = max(box[2] - box[0], 0.0) / box_width * (max(box[3] - box[1], 0.0) / box_height)
    # This detects most boxes in other formats: two corners, or coordinates relative to the image size.
    if not inside >= 0.5:
        raise ValueError(f"is {shown(value)}, mostly outside the image of {width} x {height}; {BOX_FORM}")
    return box


def read_points(value: Any, height: int, width: int) -> tuple[tuple[float, float, int], ...]:
    """Check and convert a list of ``[x, y]`` and ``[x, y, label]``; the default label is 1 (on the object).

    Args:
        value: value in the file.
        height: image height in pixels.
        width: image width in pixels.

    Returns:
        ``x y label`` per point.

    Raises:
        ValueError: a point is malformed or outside the image.
    """
    if not isinstance(value, list):
        raise ValueError(f"is {shown(value)}; {POINTS_FORM}")
    return tuple(_read_point(point, height, width) for point in value)


def read_prompt(entry: dict[str, Any], box_key: str, height: int, width: int) -> Prompt | None:
    """Read the box and points of an annotation as one prompt.

    Args:
        entry: annotation; its points have the key ``points``.
        box_key: key of the box.
        height: image height in pixels.
        width: image width in pixels.

    Returns:
        The prompt; None without a box and points.

    Raises:
        ValueError: the box or the points are invalid; the message names the field.
    """
    box, points = entry.get(box_key), entry.get("points")
    field = box_key
    try:
        found_box = None if box in (None, []) else read_box(box, height, width)
        field = "points"
        found_points = () if points in (None, []) else read_points(points, height, width)
    except ValueError as error:
        raise ValueError(f"{field} {error}") from None
    if found_box is None and not found_points:
        return None
    if found_box is None and not any(label for _, _, label in found_points):
        raise ValueError("points are all background; add a point on the object (label 1) or a box")
    return Prompt(found_box, found_points)


def write_prompt(prompt: Prompt) -> dict[str, Any]:
    """Convert a prompt to JSON: ``box`` as x, y, width, height, and ``points``, each only if present."""
    said: dict[str, Any] = {}
    if prompt.box is not None:
        x1, y1, x2, y2 = prompt.box
        said["box"] = [x1, y1, x2 - x1, y2 - y1]
    if prompt.points:
        said["points"] = [list(point) for point in prompt.points]
    return said


def _read_point(point: Any, height: int, width: int) -> tuple[float, float, int]:
    if not (isinstance(point, list) and len(point) in (2, 3) and all(map(is_number, point))):
        raise ValueError(f"contains {shown(point)}; {POINTS_FORM}")
    x, y, label = [*point, 1][:3]
    if label not in (0, 1):
        raise ValueError(f"contains the label {shown(label)}; {POINTS_FORM}")
    if not (0 <= x <= width and 0 <= y <= height):
        raise ValueError(f"contains {shown(point)}, outside the image of {width} x {height}; {POINTS_FORM}")
    return float(x), float(y), int(label)
