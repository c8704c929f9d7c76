"""Telling one set of references from another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ntt.structures import Reference


def references_digest(references: Iterable[Reference]) -> str:
    """Changes with any pixel, mask, label or the order; not with where the files lie."""
    digest = hashlib.sha256()
    for reference in references:
        digest.update(f"{tuple(reference.image.shape)} {reference.label}".encode())
        digest.update(reference.image.contiguous().numpy().tobytes())
        assert reference.mask is not None, "masks are made before"
        digest.update(reference.mask.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
