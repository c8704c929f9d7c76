"""Memory bank files: one safetensors file with metadata about encoder, options and references."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ntt.errors import InputError

InstancePatches = list[tuple[Tensor, Tensor]]
REFERENCES_FINGERPRINT = "references_digest"  # note; the name in files dates from earlier versions
MADE_WITH = "made_with"  # note that describes encoder and options in words
TENSORS = ("vectors", "labels", "prototypes", "negative_vectors", "negative_labels")
MAPS = ("maps", "map_masks")  # only in files of banks with feature maps


def write_bank(
    path: Path,
    tensors: Mapping[str, Tensor],
    patches: Sequence[tuple[Tensor, Tensor]],
    class_names: Sequence[str],
    fingerprint: str,
    notes: Mapping[str, str],
) -> None:
    """Write a bank.

    Args:
        path: output file.
        tensors: tensors named as in ``TENSORS``, and as in ``MAPS`` for banks with feature maps.
        patches: patch centres and shares of each instance, or an empty sequence.
        class_names: names in label order.
        fingerprint: fingerprint of the bank.
        notes: additional metadata.
    """
    held = dict(tensors)
    if patches:
        held["patches"] = torch.cat([centres for centres, _ in patches])
        held["patch_shares"] = torch.cat([shares for _, shares in patches])
        held["patch_counts"] = torch.tensor([len(shares) for _, shares in patches])
    facts = {**notes, "fingerprint": fingerprint, "class_names": list(class_names)}
    # One entry, because safetensors writes several in random order, and equal banks must give equal files.
    metadata = {"bank": json.dumps(facts, sort_keys=True)}
    save_file({name: tensor.contiguous() for name, tensor in held.items()}, path, metadata=metadata)


def read_notes(path: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Read the class names and the metadata of a bank.

    Raises:
        InputError: the file is not a memory bank.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = _facts(file)
            return tuple(map(str, facts["class_names"])), facts
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a memory bank; use a file written by save() or by a run") from error


def read_bank(
    path: Path, class_names: Sequence[str], fingerprint: str, made_with: str
) -> tuple[dict[str, Tensor], InstancePatches]:
    """Read a bank: the tensors of ``TENSORS`` and ``MAPS`` by name, and the patches of each instance.

    Args:
        path: memory bank file.
        class_names: expected class names, in label order.
        fingerprint: expected fingerprint.
        made_with: description of encoder and options behind the expected fingerprint, for the message.

    Raises:
        InputError: the file is not a memory bank, or was created with another encoder, weights, image size,
            references or classes.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = _facts(file)
            saved_with = facts["fingerprint"], tuple(facts["class_names"])
            stored = set(file.keys())
            tensors = {key: file.get_tensor(key) for key in (*TENSORS, *(stored & set(MAPS)))}
            patches: InstancePatches = []
            if "patches" in stored:
                counts = file.get_tensor("patch_counts").tolist()
                centres, shares = (file.get_tensor(key).split(counts) for key in ("patches", "patch_shares"))
                patches = list(zip(centres, shares, strict=True))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{path}: not a memory bank; use a file written by save() or by a run") from error
    if saved_with != (fingerprint, tuple(class_names)):
        theirs = facts.get(MADE_WITH, "something else")
        others = "other weights, references or classes" if theirs == made_with else made_with
        raise InputError(
            f"{path}: this memory was made with {theirs}, but the current configuration has {others}; "
            "use the same configuration or build a new memory"
        )
    if not _fit(tensors, patches, len(class_names)):
        raise InputError(f"{path}: incomplete memory bank; copy or create it again")
    return tensors, patches


def _facts(file: Any) -> dict[str, Any]:
    facts = json.loads((file.metadata() or {})["bank"])
    if not isinstance(facts, dict):
        raise ValueError("no facts about a bank")
    return facts


def _fit(tensors: Mapping[str, Tensor], patches: InstancePatches, classes: int) -> bool:
    """Whether shapes and labels of the tensors are consistent."""
    vectors, prototypes = tensors["vectors"], tensors["prototypes"]
    pairs = [(vectors, tensors["labels"]), (tensors["negative_vectors"], tensors["negative_labels"])]
    return (
        all(v.ndim == 2 and y.shape == v.shape[:1] and y.dtype == torch.int64 for v, y in pairs)
        and all(bool(((labels >= 0) & (labels < classes)).all()) for _, labels in pairs)
        and prototypes.shape == (classes, vectors.shape[1])
        and len(patches) in (0, len(vectors))
        and len({key in tensors for key in MAPS}) == 1
        and all(len(tensors[key]) == len(vectors) for key in MAPS if key in tensors)
    )


def as_text(tensor: Tensor) -> dict[str, Any]:
    """Convert a float32 tensor to its shape and its base64-encoded bytes."""
    values = tensor.float().contiguous().numpy(force=True).astype("<f4")
    return {"shape": list(tensor.shape), "float32": b64encode(values.tobytes()).decode("ascii")}


def from_text(content: Mapping[str, Any]) -> Tensor:
    """Convert the output of ``as_text`` back to a tensor."""
    values = np.frombuffer(b64decode(content["float32"]), dtype="<f4").astype(np.float32)
    return torch.from_numpy(values).reshape(content["shape"])
