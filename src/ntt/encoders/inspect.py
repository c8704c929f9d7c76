"""Identify weights files: ``python -m ntt.encoders.inspect FILE [FILE ...]``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from ntt.encoders.checkpoints import read_checkpoint
from ntt.errors import InputError


def describe_weights(path: Path) -> str:
    """Describe layout, variant, size and precision of a weights file in one line.

    Raises:
        InputError: the file is unreadable or has an unknown layout.
    """
    checkpoint = read_checkpoint(path)
    layout, tensors = checkpoint.layout, checkpoint.tensors
    variant = " or ".join(checkpoint.variants) or f"{layout.family} of unknown size ({checkpoint.size})"
    parameters = sum(tensor.numel() for tensor in tensors.values())
    ((dtype, _),) = Counter(tensor.dtype for tensor in tensors.values()).most_common(1)
    return (
        f"{path}: {variant} in {layout.publisher}'s layout, {len(tensors)} tensors, "
        f"{parameters / 1e6:.1f} M parameters, mostly {str(dtype).removeprefix('torch.')}"
    )


def main(arguments: list[str]) -> int:
    """Describe each file; return exit code 2 if any file cannot be identified."""
    if not arguments:
        print("usage: python -m ntt.encoders.inspect FILE [FILE ...]", file=sys.stderr)
        return 2
    failed = False
    for argument in arguments:
        try:
            print(describe_weights(Path(argument)))
        except InputError as error:
            print(error, file=sys.stderr)
            failed = True
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
