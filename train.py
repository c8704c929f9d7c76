"""Segment the targets of a dataset from a few references and report AP; see ``python train.py --help``."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent / "src"))  # ntt_entry_points, if nothing is installed

from ntt_entry_points import train

if __name__ == "__main__":
    train()
