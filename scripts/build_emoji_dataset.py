"""Regenerate the embedded few-shot benchmark from the vendors' packages.

    python scripts/build_emoji_dataset.py

Write the novel classes to ``data/emoji`` (committed) and the validation classes, used to choose settings,
to ``emoji_validation`` in the cache (``dataset=emoji_validation``). The packages are downloaded with the
clients of npm and Debian, also to the cache: ``$NTT_CACHE``, else ``~/.cache/ntt``.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from nano.benchmark import Benchmark
from nano.sprites import load_sprites

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("NTT_CACHE", Path.home() / ".cache" / "ntt"))


def main() -> None:
    """Draw both benchmarks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of packages and rendered sprites")
    parser.add_argument(
        "--data", type=Path, default=ROOT / "data", help="parent of the emoji folder that is written"
    )
    args = parser.parse_args()
    sprites = load_sprites(args.cache / "emoji")
    print(f"train {len(sprites.vocabulary.train)}, validation {len(sprites.vocabulary.validation)}, ", end="")
    print(f"novel {len(sprites.vocabulary.novel)} classes")
    Benchmark(sprites, seed=0).write(sprites.vocabulary.novel, args.data / "emoji")
    Benchmark(sprites, seed=1, scenes=60).write(
        sprites.vocabulary.validation, args.cache / "emoji_validation"
    )
    print(f"Wrote {args.data / 'emoji'} and {args.cache / 'emoji_validation'}")


if __name__ == "__main__":
    main()
