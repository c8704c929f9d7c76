"""Regenerate the embedded few-shot benchmark from the vendors' packages.

    python scripts/build_emoji_dataset.py

Writes the novel classes to ``data/emoji`` (committed) and the validation classes, on which settings are
chosen, to ``emoji_validation`` in the cache (``dataset=emoji_validation``). Needs the clients of npm and
Debian for the packages, which are kept in the cache too: ``$NTT_CACHE``, else ``~/.cache/ntt``.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ntt.embedded.benchmark import Benchmark
from ntt.embedded.sprites import load_sprites

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("NTT_CACHE", Path.home() / ".cache" / "ntt"))


def main() -> None:
    """Draw both benchmarks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="packages and rendered sprites")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="where the emoji folder is written")
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
