"""Segment your own images from a few examples; ``python predict.py --help`` lists the options."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent / "src"))  # ntt_entry_points, if nothing is installed

from ntt_entry_points import predict

if __name__ == "__main__":
    predict()
