"""Segment your own pictures from a few examples. ``python predict.py --help`` lists what can be chosen."""

from ntt.commands.predict import main

if __name__ == "__main__":
    main()
