"""Convert a config of the DINOv3 integration guide to an experiment config.

    python scripts/convert_legacy_config.py FILE.yaml    # writes conf/experiment/FILE.yaml
    python train.py experiment=FILE

``python train.py legacy_config=FILE.yaml`` runs the same config without a new file. docs/integration_guide.md
lists the conversion of each key.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ntt.compat.legacy_config import read_legacy_config
from ntt.engine.command import exit_on_bad_input
from ntt.errors import InputError

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str]) -> None:
    """Read, convert and write the config."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="config to convert")
    parser.add_argument("--output", type=Path, help="default: conf/experiment/<name of FILE>")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    args = parser.parse_args(arguments)
    output = args.output or ROOT / "conf" / "experiment" / f"{args.file.stem}.yaml"
    with exit_on_bad_input():
        legacy = read_legacy_config(args.file)
        if output.exists() and not args.overwrite:
            raise InputError(
                f"{output} already exists; replace it with --overwrite, or choose another file with --output"
            )
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(legacy.experiment(), encoding="utf-8")
    warning = legacy.warning()
    if warning:
        print(warning)
    print(f"Wrote {output}: python train.py experiment={output.stem}")


if __name__ == "__main__":
    main(sys.argv[1:])
