"""Digest of a set of references."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ntt.structures import Reference


def references_digest(references: Iterable[Reference]) -> str:
    """Hash the pixels, masks, labels and order of the references; file paths are not hashed."""
    digest = hashlib.sha256()
    for reference in references:
        digest.update(f"{tuple(reference.image.shape)} {reference.label}".encode())
        digest.update(reference.image.contiguous().numpy().tobytes())
        assert reference.mask is not None, "masks must be made before"
        digest.update(reference.mask.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
