"""The main job: segment the targets from a few references, report AP. ``python train.py --help``."""

from ntt.commands.train import main

if __name__ == "__main__":
    main()
